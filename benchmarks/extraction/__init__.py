"""Compares how well this project and other extractors find indicators in texts."""
