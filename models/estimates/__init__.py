"""Estimates for a corpus from any predictions and a coded sample of its items."""
