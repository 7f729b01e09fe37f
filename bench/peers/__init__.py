"""This service beside its peers on one machine, in one interleaved run.

`python -m bench.peers prepare`, `calibrate`, `run`, `report`; bench/README.md says what each number means.
"""
