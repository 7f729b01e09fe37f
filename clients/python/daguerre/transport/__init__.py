"""The two transports, HTTP and gRPC, with the protocol that they share and the choice between them."""
