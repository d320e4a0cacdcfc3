"""Measurements, side by side; each script prints what it found."""
