"""What is stored, in the formats of the field: a module for each; same data, same bytes."""
