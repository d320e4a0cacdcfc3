"""The changes function publishes an event for every verdict that changes."""
