"""Clustering of vectors: iterative k-means with exact silhouettes, three other methods, and the description of a
clustering. The HTML report is in models/pages/clusters."""
