"""Tells the event bus of every verdict that changes."""
