"""The commands of `daguerre`, one file for each feature."""
