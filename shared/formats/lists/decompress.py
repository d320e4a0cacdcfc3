"""Decompresses the documents of lists that are published as gzip or ZIP files. Pure."""

import gzip
import io
import zipfile
import zlib
from typing import Final

from shared.formats.lists.errors import ListError

MAX_BYTES: Final = 32 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_ZIP_MEMBER: Final = b"PK\x01\x02"
# Some archives have a directory or a note next to the list.
_MAX_MEMBERS: Final = 16


def decompress(body: bytes) -> bytes:
    """Decompress a document; one that is not compressed is returned as it is.

    Raises:
        ListError: it is damaged or too large, or an archive has more than one file.
    """
    if body.startswith(_GZIP):
        return _gunzip(body)
    if body.startswith(_ZIP):
        return _unzip(body)
    return body


def _gunzip(body: bytes) -> bytes:
    # Members may follow each other, and zeros may fill the end.
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            found = file.read(MAX_BYTES + 1)
    except EOFError:
        raise ListError("the document is gzip that breaks off") from None
    except (OSError, zlib.error):
        raise ListError("the document is not valid gzip") from None
    _check_size(found)
    return found


def _unzip(body: bytes) -> bytes:
    # Checked first, because reading the list of members takes memory for each.
    if body.count(_ZIP_MEMBER) > _MAX_MEMBERS:
        raise ListError("the ZIP archive has too many files")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            files = [one for one in archive.infolist() if not one.is_dir()]
            if len(files) != 1:
                raise ListError(f"the ZIP archive has {len(files)} files, not one")
            with archive.open(files[0]) as file:
                found = file.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        # NotImplementedError: another compression; RuntimeError: a password is needed.
        raise ListError("the document is not a ZIP archive that can be read") from None
    _check_size(found)
    return found


def _check_size(found: bytes) -> None:
    if len(found) > MAX_BYTES:
        raise ListError(f"decompressed, the document is larger than {MAX_BYTES} bytes")
