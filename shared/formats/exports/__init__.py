"""Export formats, one module each; the same data always gives the same bytes."""
