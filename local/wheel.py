"""Build hook of the wheel, which installs one package: `iocrep`.

The command line and the service share modules of `shared`. The wheel carries those that `iocrep`
imports, directly or not, as `iocrep._shared`, and renames their imports. So the wheel cannot clash
with another package called `shared`, and the repository keeps one copy of the code.
"""

import ast
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACKAGE = "shared"
_VENDORED = "iocrep._shared"


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the rewritten modules to a wheel; an editable install uses the checkout as it is."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a build; hatchling calls it with `editable` or `standard`."""
        if version == "editable":
            return
        root = Path(self.root)
        self._rewritten = TemporaryDirectory()
        target = Path(self._rewritten.name)
        for source in sorted((root / "iocrep").rglob("*.py")) + shared_modules(root):
            path = module_path(source.relative_to(root))
            written = target / path
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(rename_imports(source.read_text(encoding="utf-8")), "utf-8")
            build_data["force_include"][str(written)] = path.as_posix()

    def finalize(self, version: str, _build_data: dict[str, Any], _artifact: str) -> None:
        """Remove the temporary files; hatchling calls it after a build."""
        if version != "editable":
            self._rewritten.cleanup()


def module_path(source: Path) -> Path:
    """Return the path in the wheel of a module of the checkout."""
    if source.parts[0] == _PACKAGE:
        return Path(*_VENDORED.split("."), *source.parts[1:])
    return source


def rename_imports(code: str) -> str:
    """Return the code with every `shared.x` renamed to the wheel's package."""
    return re.sub(rf"(?<![\w.]){_PACKAGE}(?=\.\w)", _VENDORED, code)


def shared_modules(root: Path) -> list[Path]:
    """Return the files of `shared` that `iocrep` imports, directly or not, with their packages."""
    found: set[Path] = set()
    waiting = list((root / "iocrep").rglob("*.py"))
    while waiting:
        for module in _imports(waiting.pop().read_text(encoding="utf-8")):
            for file in _files(root, module):
                if file not in found:
                    found.add(file)
                    waiting.append(file)
    return sorted(found)


def _imports(code: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.split(".")[0] == _PACKAGE}


def _files(root: Path, module: str) -> list[Path]:
    parts = module.split(".")
    packages = [root.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    candidates = [*packages, root.joinpath(*parts).with_suffix(".py")]
    return [file for file in candidates if file.exists()]
