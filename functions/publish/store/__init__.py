"""The report table, which only publishing reads and writes."""
