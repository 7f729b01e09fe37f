"""HTTP routes, a file for each feature."""
