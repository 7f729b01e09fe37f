"""The methods of the client, one file for each feature."""
