"""Runs the real handlers on this machine, without Docker, against an embedded DynamoDB engine."""
