"""`python -m iocrep`."""

from iocrep.app import main

main()
