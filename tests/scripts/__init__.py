"""Tests of the scripts for developers."""
