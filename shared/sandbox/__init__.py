"""The sandbox's own API: its bodies."""
