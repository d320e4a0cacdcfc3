"""Takes what people decide: overrides of verdicts, and reports of false positives."""
