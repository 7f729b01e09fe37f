"""Validation of predictions from anywhere against codes that people gave."""
