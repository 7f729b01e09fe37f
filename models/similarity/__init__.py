"""Nearest neighbours and duplicates, exact and in bounded memory."""
