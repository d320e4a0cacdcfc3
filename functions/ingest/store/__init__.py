"""Tables' parts that ingestion alone reads and writes."""
