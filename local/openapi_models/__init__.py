"""Pydantic models of request and answer bodies, for the OpenAPI document and tests. Not deployed."""
