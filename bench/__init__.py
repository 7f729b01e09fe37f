"""Benchmarks: the service beside the same ONNX graph called in-process, on the same cores, in one run.

`python -m bench.throughput` measures and prints; README.md says what each number means.
"""
