"""The filter function publishes a Bloom filter of all stored indicators, on a timer."""
