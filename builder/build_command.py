"""``nexara build``: from a folder of labelled clips to a signed bundle."""

from __future__ import annotations

import argparse
import logging
import time
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console
from rich.text import Text

from builder.data.clips import find_clips, require_both_classes
from builder.display import TerminalDisplay
from builder.errors import BuilderError, OutputError
from builder.framework import load_tensorflow
from builder.pipeline.build import BuildOptions, build
from builder.recipe import Recipe, load_recipe
from builder.work_lock import lock_work
from models.signing import generate_key, load_private_key
from models.trust import user_key_folder


def main(argv: list[str]) -> int:
    """Build a signed bundle from a folder of labelled clips."""
    arguments = _parser().parse_args(argv)
    recipe = load_recipe(arguments.recipe)
    # Told before TensorFlow takes its seconds to load and before a key is made.
    require_both_classes(find_clips(arguments.data).clips, arguments.data)
    _make_folder(arguments.out)
    with lock_work(arguments.out / "work"):
        return _build(arguments, recipe)


def _build(arguments: argparse.Namespace, recipe: Recipe) -> int:
    console = Console()
    load_tensorflow().get_logger().setLevel(logging.ERROR)
    options = BuildOptions(
        data=arguments.data,
        out=arguments.out,
        recipe=recipe,
        key=_key(arguments.key, console),
        licence=arguments.licence or _licence(arguments.data),
        code_version=_version(),
        now=lambda: datetime.now(timezone.utc),
        clock=time.perf_counter,
    )
    begun = time.monotonic()
    with TerminalDisplay(console) as display:
        packed = build(options, display)
    _say(console, f"bundle  {packed} ({packed.stat().st_size / 1e6:.2f} MB)")
    _say(console, f"report  {packed.with_suffix('') / 'report.html'}")
    _say(console, f"took    {(time.monotonic() - begun) / 60:.1f} min")
    return 0


def _say(console: Console, line: str) -> None:
    # As text, since a path may hold what would be markup; unwrapped, since a path is to be copied.
    console.print(Text(line), soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nexara build", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv, or with fight/ and noFight/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the bundle; out/work keeps finished stages")
    parser.add_argument("--recipe", default="full", help="full, quick, or the path of a TOML file (default: full)")
    parser.add_argument("--key", type=Path, help="private signing key (PEM, P-256); by default one of your own is made")
    parser.add_argument(
        "--licence", help="licence of the clips, for the model card; by default the LICENSE's first line"
    )
    return parser


def _make_folder(out: Path) -> None:
    try:
        (out / "work").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror}; give --out a folder of your own") from error


def _key(path: Path | None, console: Console) -> ec.EllipticCurvePrivateKey:
    if path is not None:
        return load_private_key(path)
    folder = user_key_folder()
    private = folder.parent / "signing-key.pem"
    if not private.exists():
        folder.mkdir(parents=True, exist_ok=True)
        generate_key(private, folder / "own.pem")
        _say(console, f"made a signing key of your own: {private}; keep it secret")
    return load_private_key(private)


def _licence(data: Path) -> str:
    found = (data / name for name in ("LICENSE", "LICENSE.txt", "LICENCE"))
    lines = next((path.read_text(encoding="utf-8").split("\n") for path in found if path.is_file()), [])
    return next((line.strip() for line in lines if line.strip()), "not stated")


def _version() -> str:
    try:
        return version("nexaravision")
    except PackageNotFoundError as error:
        raise BuilderError(
            "nexaravision is not installed; run ./nexara build, or pip install -e '.[builder]'"
        ) from error
