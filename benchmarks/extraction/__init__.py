"""How well indicators are found in texts, beside other extractors."""
