"""Which formats there are: to add one, write its module and name it here."""

from collections.abc import Iterator

from functions.export.formats import block_list, misp, table
from shared.formats.exports import object_keys as places
from shared.formats.exports import stix
from shared.formats.exports.source import ExportFile, IocSource, Options

_FORMATS = (block_list, table, stix, places, misp)


def all_files(source: IocSource, options: Options) -> Iterator[ExportFile]:
    """Every file of every format; each has to be read before the next is asked for."""
    for one in _FORMATS:
        yield from one.files(source, options)
