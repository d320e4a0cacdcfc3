"""Look-ups behind API Gateway: the MetaDefender Cloud v4 API and the sandbox's own."""
