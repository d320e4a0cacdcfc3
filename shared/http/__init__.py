"""HTTP as the functions behind API Gateway speak it: requests, answers, routes, API keys."""
