"""Methods of the gRPC service, a file for each feature."""
