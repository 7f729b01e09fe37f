"""Runs over folders that can be interrupted and resumed."""
