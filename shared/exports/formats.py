"""Which formats there are: to add one, write its module and name it here."""

from collections.abc import Iterator

from shared.exports import block_list, misp, places, stix, table
from shared.exports.source import File, Options, Source

_FORMATS = (block_list, table, stix, places, misp)


def all_files(source: Source, options: Options) -> Iterator[File]:
    """Every file of every format; each has to be read before the next is asked for."""
    for one in _FORMATS:
        yield from one.files(source, options)
