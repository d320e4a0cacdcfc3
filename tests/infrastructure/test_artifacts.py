"""`make build` makes what may be deployed: complete, for the right machine, nothing more."""

import re
from pathlib import Path

import pytest

from tests.infrastructure.support import FUNCTIONS, ROOT, Artifacts, Template

AARCH64 = 183
MAGIC_OF_3_13 = (3571).to_bytes(2, "little") + b"\r\n"
UNCHECKED_HASH = (1).to_bytes(4, "little")
RUNTIME_BRINGS = ("boto3", "botocore", "s3transfer", "dateutil", "six.py")


def files(folder: Path, pattern: str = "*") -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob(pattern) if p.is_file()}


def test_layer_holds_exactly_the_locked_versions(artifacts: Artifacts) -> None:
    lock = (ROOT / "requirements" / "runtime.txt").read_text()
    locked = {
        f"{name.replace('-', '_')}-{version}.dist-info"
        for name, version in re.findall(r"^([\w-]+)==(\S+)", lock, re.MULTILINE)
    }
    assert {p.name for p in artifacts.layer.glob("python/*.dist-info")} == locked


def test_layer_holds_the_shared_package_and_nothing_else_of_the_folder(
    artifacts: Artifacts,
) -> None:
    shipped = files(artifacts.layer / "python" / "shared")
    assert {name for name in shipped if not name.endswith(".pyc")} == {
        name
        for name in files(ROOT / "shared")
        if name not in {"Makefile", "requirements.txt"} and "__pycache__" not in name
    }


@pytest.mark.parametrize("name", [*RUNTIME_BRINGS, "functions", "iocrep", "local", "rich", "typer"])
def test_layer_leaves_out(artifacts: Artifacts, name: str) -> None:
    assert not (artifacts.layer / "python" / name).exists()


def test_layer_ships_no_tests_and_no_commands(artifacts: Artifacts) -> None:
    folders = {p.name for p in artifacts.layer.rglob("*") if p.is_dir()}
    assert not folders & {"test", "tests", "bin"}


def test_layer_is_compiled_for_the_functions_architecture(artifacts: Artifacts) -> None:
    libraries = list(artifacts.layer.rglob("*.so*"))
    assert any("pydantic_core" in str(library) for library in libraries)
    for library in libraries:
        assert library.name.endswith(("cpython-313-aarch64-linux-gnu.so", ".abi3.so"))
        header = library.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == AARCH64


def test_layer_fits_beside_the_functions(artifacts: Artifacts) -> None:
    size = sum(p.stat().st_size for p in artifacts.layer.rglob("*") if p.is_file())
    assert size < 40_000_000


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_holds_its_own_package_only(
    artifacts: Artifacts, template: Template, name: str
) -> None:
    folder = artifacts.functions[name]
    handler = template["Resources"][folder.name]["Properties"]["Handler"]
    assert handler == f"functions.{name}.app.lambda_handler"
    assert (folder / "functions" / name / "app.py").is_file()
    source = ROOT / "functions" / name
    own = {f"functions/{name}/{file}" for file in files(source) if not file.endswith(".pyc")}
    assert {file for file in files(folder) if not file.endswith(".pyc")} == own


def test_every_module_is_compiled_for_the_runtime(artifacts: Artifacts) -> None:
    if not artifacts.compiled:
        pytest.skip("no Python 3.13 on this machine; see the output of the build")
    for folder, at in [
        (artifacts.layer, b"/opt/python/"),
        *((function, b"/var/task/functions/") for function in artifacts.functions.values()),
    ]:
        for module in folder.rglob("*.py"):
            code = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
            content = code.read_bytes()
            assert content[:8] == MAGIC_OF_3_13 + UNCHECKED_HASH
            assert at in content, f"{code} names another path than the function's"
            assert str(folder).encode() not in content
