"""A stand-in for Lambda's image, for machines that cannot pull it: made from this machine's files.

It holds a Python 3.13 with the libraries that it needs, what `.tools/emulator` has of the Lambda
runtime, and a shell; `sam local` adds the emulator of the runtime's API and the layer. It is not
Amazon Linux: it shows what `sam local` makes of template, events, layer and environment, and not
how the functions run on Lambda's own system.
"""

import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

# Where an interpreter has its program, the standard library, and what is installed.
_PLACES = (
    "import json, os, sys, sysconfig;"
    "print(json.dumps([os.path.realpath(sys.executable),"
    " sysconfig.get_path('stdlib'), sysconfig.get_path('purelib')]))"
)
# Most of the standard library's size, and imported by no function.
_LEFT_OUT = re.compile(r"/(test|idlelib|ensurepip|turtledemo|site-packages|config-[^/]*)(/|$)")
# `sam local` puts the emulator in place with these.
_PROGRAMS = ("sh", "mv", "chmod")
# Wheels take these for granted (PEP 600), and the interpreter does not need all of them.
_COMMON_LIBRARIES = (
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
)

_BOOTSTRAP = '#!/bin/sh\nexec /var/lang/bin/python3.13 -m awslambdaric "$_HANDLER"\n'

# In the words of a Dockerfile. As on Lambda, a layer goes before what the runtime brings.
DECLARED = (
    "ENV LANG=en_US.UTF-8 TZ=:UTC PATH=/var/lang/bin:/usr/bin:/bin"
    " LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime"
    " PYTHONPATH=/opt/python:/var/runtime",
    "WORKDIR /var/task",
)


def write_image(out: IO[bytes], python: Path) -> None:
    """Write the files of the image as a tar archive.

    Args:
        out: takes the archive.
        python: the Python 3.13 of an environment with the Lambda runtime.
    """
    program, standard, runtime = (Path(place) for place in json.loads(_run(python, "-c", _PLACES)))
    modules = [path for path in standard.rglob("*") if not _LEFT_OUT.search(str(path))]
    programs = {name: Path(shutil.which(name) or f"/bin/{name}") for name in _PROGRAMS}
    compiled = [*modules, *runtime.rglob("*")]
    needed = _libraries(
        [program, *programs.values(), *(path for path in compiled if path.suffix == ".so")]
    )
    # Each link becomes what it leads to: an archive without links holds wherever folders are links.
    with tarfile.open(fileobj=out, mode="w|", dereference=True) as image:
        for path in [program, *needed, *(path for path in modules if path.is_file())]:
            image.add(path)
        for name, path in programs.items():
            image.add(path, f"bin/{name}")
        image.add(runtime, "var/runtime")
        _add(image, "var/runtime/bootstrap", text=_BOOTSTRAP)
        # But the interpreter finds its modules next to the target of a link.
        _add(image, "var/lang/bin/python3.13", type=tarfile.SYMTYPE, linkname=str(program))
        for folder in ("var/task", "opt", "tmp"):
            _add(image, folder, type=tarfile.DIRTYPE, mode=0o1777)


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _libraries(programs: Iterable[Path]) -> list[Path]:
    """The libraries that programs need, where the loader finds them."""
    found = set(re.findall(r"(/\S+) \(0x", _run("ldd", *programs)))
    folder = next(Path(path).parent for path in found if Path(path).name.startswith("libc.so"))
    found |= {str(folder / name) for name in _COMMON_LIBRARIES if (folder / name).exists()}
    return [Path(path) for path in sorted(found)]


def _add(image: tarfile.TarFile, name: str, text: str = "", **properties: object) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.size = 0o755, len(text)
    for key, value in properties.items():
        setattr(entry, key, value)
    image.addfile(entry, io.BytesIO(text.encode()))
