"""Look-ups: the MetaDefender Cloud v4 API behind API Gateway."""
