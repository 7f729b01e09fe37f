"""Operations of the endpoints, independent of the transport: HTTP and gRPC call the same functions."""
