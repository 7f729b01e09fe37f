"""Inputs of users (folders, paths, bytes, pictures, arrays, texts, videos, codes), prepared for requests."""
