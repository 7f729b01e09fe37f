"""The messages and methods of gRPC, a module per subject."""
