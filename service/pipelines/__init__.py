"""What an endpoint does, without a transport: HTTP and gRPC call the same functions."""
