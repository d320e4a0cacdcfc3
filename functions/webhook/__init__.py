"""The webhook function sends changes of verdicts to a webhook."""
