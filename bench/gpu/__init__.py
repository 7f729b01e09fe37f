"""The GPU's benchmark: `python -m bench.gpu`, on a bare machine with a GPU. docs/benchmarks-gpu.md has the rest."""
