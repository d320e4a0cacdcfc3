"""What the functions have in common: domain, feed formats, stores, answer bodies."""
