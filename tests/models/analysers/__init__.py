"""Tests of models/analysers."""
