"""Indicators, verdicts, and the join of sightings. Pure: without AWS, HTTP or a clock."""
