"""Ingestion: on a timer, from feed pages to the IOC table."""
