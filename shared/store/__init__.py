"""The two tables: IOCs, and the state of ingestion and the API."""
