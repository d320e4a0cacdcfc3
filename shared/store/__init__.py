"""The two tables: IOCs, and everything that ingestion and the API remember beside them."""
