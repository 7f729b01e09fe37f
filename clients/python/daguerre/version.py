"""This SDK's version, and the servers that it works with."""

__version__ = "0.1.0"
OLDEST_SERVER = (0, 1)  # inclusive
FIRST_UNKNOWN_SERVER = (1, 0)  # exclusive: fields are only ever added below it
