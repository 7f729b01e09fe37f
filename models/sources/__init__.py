"""Where models come from: a hub, or any folder that `transformers` saved; fetched, exported, verified.

`fetch.py` is the only code of the project that opens a connection, when asked to. `describe.py` reads a folder,
`networks.py` turns it into graphs, `export.py` writes these as ONNX, `oracle.py` computes the same with `transformers`
alone, and `make.py` accepts the result only if the two agree. The hub's rows are in `models/catalog/hub.py`.
"""
