"""Refresh of the other providers: on a timer, from their lists to the IOC table."""
