"""The version of `iocrep`."""

from importlib.metadata import version


def version_text() -> str:
    """Name and version of the command, such as `iocrep 0.1.0`."""
    return f"iocrep {version('ioc-reputation')}"
