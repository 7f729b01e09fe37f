"""Tests of models/correction."""
