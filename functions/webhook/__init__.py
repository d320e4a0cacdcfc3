"""Hands changes of verdicts on to a webhook."""
