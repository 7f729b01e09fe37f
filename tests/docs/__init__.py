"""Tests of the documentation: its blocks of code run as they are."""
