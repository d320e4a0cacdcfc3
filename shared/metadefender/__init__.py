"""Bodies and errors of the MetaDefender Cloud v4 API."""
