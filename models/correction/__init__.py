"""Means and regressions from predictions, corrected by a coded sample."""
