"""Tests of the benchmarks that have to run where nobody watches them."""
