"""HTTP for the functions behind API Gateway: requests, answers, routes, API keys, fetching."""
