"""The parts of the state table that only ingestion uses."""
