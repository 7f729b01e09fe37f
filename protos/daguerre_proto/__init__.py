"""Daguerre's gRPC messages and stubs, generated from the .proto files beside them by scripts/protos."""
