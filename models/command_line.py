"""The command ``nexara``: a dispatcher over the entry-point group ``nexara.commands``.

Each command is a function that takes its arguments and returns an exit code; its own module is imported only when the
command runs, so that an install without the builder still has the others.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata

from models.errors import NexaraError

GROUP = "nexara.commands"
FAILED = 2
INTERRUPTED = 130

# Where the package was never installed there are no entry points; these are the commands of the checkout.
_BUILT_IN = {
    "show": "models.show:main",
    "bench": "runtimes.bench.command:main",
    "keygen": "models.keygen_command:main",
    "sign": "models.sign_command:main",
    "verify": "models.verify_command:main",
    "scenes": "scenes.command_line:main",
    "demo": "edge_agent.demo:main",
    "build": "builder.build_command:main",
    "compile": "builder.compile_command:main",
    "thresholds": "builder.thresholds_command:main",
    "sensitivity": "builder.sensitivity_command:main",
    "evaluate": "builder.evaluate_command:main",
    "curate": "builder.curate_command:main",
    "mine": "builder.mine_command:main",
    "crossval": "builder.crossval_command:main",
    "ablate": "builder.ablate_command:main",
    "fleet": "fleet.command:main",
    "kit": "fleet.kit.command:main",
}
# Which extra brings what a room's commands import; rooms not named need none.
_EXTRAS = {"builder": "builder", "edge_agent": "demo", "fleet": "fleet", "runtimes": "tflite,onnx"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it succeeded, 2 after an error told in one line, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return run(arguments, find_commands(metadata.entry_points(group=GROUP)))


def find_commands(installed: Sequence[metadata.EntryPoint] | metadata.EntryPoints) -> dict[str, metadata.EntryPoint]:
    """Commands by name, sorted: this checkout's, and those that installed packages add."""
    own = {name: metadata.EntryPoint(name, value, GROUP) for name, value in _BUILT_IN.items()}
    return dict(sorted({**own, **{command.name: command for command in installed}}.items()))


def run(arguments: list[str], commands: Mapping[str, metadata.EntryPoint]) -> int:
    """Run ``arguments[0]`` of ``commands`` with the rest of ``arguments``."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_help(commands))
        return 0 if arguments else FAILED
    name, *rest = arguments
    if name not in commands:
        return _fail(f"no command {name!r}; allowed are {', '.join(commands)}")
    return _execute(commands[name], rest)


def _execute(command: metadata.EntryPoint, arguments: list[str]) -> int:
    try:
        return int(command.load()(arguments))
    except ImportError as error:
        # A missing package is for its user to install; a module of our own that is missing is a defect, shown as one.
        if _is_ours(error.name):
            raise
        return _fail(_missing(command, error))
    except NexaraError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED


def _help(commands: Mapping[str, metadata.EntryPoint]) -> str:
    width = max(map(len, commands), default=0)
    lines = "".join(f"  {name:<{width}}  {_summary(command)}\n" for name, command in commands.items())
    return f"usage: nexara COMMAND ...\n\n{lines}\n`nexara COMMAND --help` tells more of each.\n"


def _summary(command: metadata.EntryPoint) -> str:
    try:
        document = inspect.getdoc(command.load())
    except ImportError as error:
        return f"not available: {_missing(command, error)}"
    return (document or "").partition("\n")[0]


def _missing(command: metadata.EntryPoint, error: ImportError) -> str:
    extra = _EXTRAS.get(command.module.partition(".")[0])
    if _is_ours(error.name) or extra is None:
        return f"command {command.name} cannot be loaded: {error}"
    return f"command {command.name} needs {error.name}; install it with: pip install 'nexaravision[{extra}]'"


def _is_ours(module: str | None) -> bool:
    return (module or "").partition(".")[0] in {"models", "runtimes", "edge_agent", "builder", "scenes", "fleet"}


def _fail(message: str) -> int:
    sys.stderr.write(f"nexara: {message}\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
