"""The page of a clustering: its map, plots, and a contact sheet for each cluster."""
