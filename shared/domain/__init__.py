"""Indicators, verdicts and how sightings join. Pure: no AWS, no HTTP, no clock."""
