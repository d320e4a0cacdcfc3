"""Feed pages: how they are fetched, and one module per format that they come in."""
