"""Private scans. Their reports are neither published nor stored, unless a setting allows it."""

from collections.abc import Mapping

# Where a scan, a report or a file can be marked: names of objects and of lists of objects.
_PARTS = (
    *("scan", "scanOptions", "file", "archive", "sourceArchive"),
    *("taskReference", "additionalInfo", "context", "metaData"),
)
_LISTS = ("extractedFiles", "fileDownloadResults")
_TRUE = frozenset({"1", "true", "yes"})


def is_private(record: object) -> bool:
    """Whether a scan, its report, its file, or a file or archive in the report is marked private.

    The mark is the field `private` with the value true, or a number or text that means it: 1 and
    "true", as in XML, or "yes".

    Args:
        record: a scan without its reports, or a report of a scan or of a feed; any JSON value.
    """
    left = [record]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left += one
        if not isinstance(one, Mapping):
            continue
        mark = one.get("private")
        if mark == 1 or (isinstance(mark, str) and mark.strip().lower() in _TRUE):
            return True
        left += [one[name] for name in _PARTS if name in one]
        resources = one.get("resources")
        left += resources.values() if isinstance(resources, Mapping) else []
        for name in _LISTS:
            found = one.get(name)
            left += found if isinstance(found, list) else []
    return False
