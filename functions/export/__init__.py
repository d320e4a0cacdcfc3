"""The exports: on a timer, from the IOC table to files in a bucket."""
