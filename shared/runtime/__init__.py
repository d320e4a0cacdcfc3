"""What a function needs from its environment: settings, secrets, deadline, logs and metrics."""
