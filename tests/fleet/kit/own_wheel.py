"""Our own wheel as it would be built, without what builds it; and wheels of what it needs, with nothing in them."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

from tests.fleet.kit.small_kit import make_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[3]
ROOMS = ("models", "runtimes", "edge_agent", "scenes", "builder", "fleet")


def make_own_wheel(folder: Path) -> None:
    """Ours, with the modules and data of this checkout, and an empty one of everything that it and TFLite need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = ["Metadata-Version: 2.1", "Name: nexaravision", f"Version: {project['version']}"]
    lines += [f"Requires-Dist: {need}" for need in project["dependencies"]]
    lines += [f'Requires-Dist: {need}; extra == "{extra}"' for extra in ("tflite", "onnx") for need in extras[extra]]
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in members.items())
        for group, members in groups.items()
    )
    info = f"nexaravision-{project['version']}.dist-info"
    with zipfile.ZipFile(folder / f"nexaravision-{project['version']}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", "\n".join([*lines, "", ""]))
        archive.writestr(f"{info}/entry_points.txt", points)
        for room in ROOMS:
            for path in (ROOT / room).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts and "released" not in path.parts:
                    archive.write(path, path.relative_to(ROOT))
    for need in [*project["dependencies"], *extras["tflite"], *extras["onnx"]]:
        requirement = Requirement(need)
        least = next((one.version for one in requirement.specifier if one.operator == ">="), "1")
        make_wheel(folder, requirement.name.replace("-", "_"), least, module=False)
