"""The Docker-free stack: the real handlers against an embedded engine, on loopback only."""
