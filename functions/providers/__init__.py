"""Providers beside the sandbox: on a timer, from their lists to the IOC table."""
