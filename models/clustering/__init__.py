"""Clusters of vectors: the field's iterative k-means with exact silhouettes, three other methods, and what describes
an answer. Numbers in, numbers out; the page is in models/pages."""
