"""Entry point of the command `iocrep` and of `python -m iocrep`."""

import sys

from iocrep.version import version_text


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        # Printed at once: the import of the commands takes several times as long.
        sys.stdout.write(f"{version_text()}\n")
        return
    try:
        from iocrep.app import app  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"error: {error}. Install iocrep with its extra: 'ioc-reputation[cli]'."
        ) from None
    except KeyboardInterrupt:  # importing the libraries takes a while
        raise SystemExit(130) from None
    app()


if __name__ == "__main__":
    main()
