"""Requests and answers, as both transports have them; the OpenAPI document is made from them."""
