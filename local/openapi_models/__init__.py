"""Pydantic models of bodies, for the OpenAPI document and the tests; not deployed."""
