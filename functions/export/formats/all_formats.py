"""Lists the formats of exports. To add one, write its module and name it here."""

from collections.abc import Iterator

from functions.export.formats import block_list, misp, table
from shared.formats.exports import changes, object_keys, stix
from shared.formats.exports.source import ExportFile, IocSource, Options

_FORMATS = (block_list, table, changes, stix, object_keys, misp)


def all_files(source: IocSource, options: Options) -> Iterator[ExportFile]:
    """Yield every file of every format; read each before the next."""
    for one in _FORMATS:
        yield from one.files(source, options)
