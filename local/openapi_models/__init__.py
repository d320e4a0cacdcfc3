"""Pydantic models of bodies, for the OpenAPI document and its tests; never deployed."""
