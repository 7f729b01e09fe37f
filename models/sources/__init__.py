"""Import of models from a hub, or from any folder that `transformers` saved.

`fetch.py` downloads, and is the only code of the project that opens a connection. `describe.py` reads a folder,
`networks.py` builds its graphs, `export.py` writes them as ONNX, `oracle.py` computes the same vectors with
`transformers` alone, and `make.py` accepts the export only if the two agree.
"""
