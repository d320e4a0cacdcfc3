"""The direct client of DynamoDB; README.md in this folder describes it."""

from shared.store.direct.client import DirectClient, direct_client

__all__ = ["DirectClient", "direct_client"]
