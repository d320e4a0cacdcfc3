"""Entry point of the command `iocrep` and of `python -m iocrep`."""

try:
    from iocrep.app import app
except ModuleNotFoundError as error:
    raise SystemExit(
        f"error: {error}. Install iocrep with its extra: 'ioc-reputation[cli]'."
    ) from None
except KeyboardInterrupt:  # importing the libraries takes a while
    raise SystemExit(130) from None


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
