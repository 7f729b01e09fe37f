"""Records that both transports carry: requests, answers, and the arrays in them. Nothing here knows HTTP or gRPC."""
