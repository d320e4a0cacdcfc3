"""A compact filter of all stored indicators, to say "never seen" without asking."""
