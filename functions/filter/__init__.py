"""The filter of all stored indicators: on a timer, from the IOC table to a bucket."""
