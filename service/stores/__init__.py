"""Stores below DAGUERRE_HOME: uploaded files, trained classifiers, the database of jobs."""
