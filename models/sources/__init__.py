"""Where models come from: rows of a hub, any folder that `transformers` saved; fetched, exported, verified.

`hub.py` has the rows and `fetch.py` the only code of the project that opens a connection, when asked to. `describe.py`
reads a folder, `networks.py` turns it into graphs, `oracle.py` computes the same with `transformers` alone, and
`make.py` accepts the result only if the two agree.
"""
