"""The environment of a function: settings, secrets, deadline, logs and metrics."""
