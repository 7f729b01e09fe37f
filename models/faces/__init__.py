"""Comparison of faces by their vectors: matches, groups of one person, error rates. It knows no names."""
