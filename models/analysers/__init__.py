"""Analysers: what is in a picture. `spec.py` has the interface, `rows.py` the table, `kinds.py` the code of each kind.

An analyser is a row of data and a generator. The generator gets the upright picture, yields rows of arrays for its
graphs, gets their arrays back, and returns an `Analysis`. It does not depend on where and in which batch graphs run.
"""
