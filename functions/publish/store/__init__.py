"""Tables' parts that publishing alone reads and writes."""
