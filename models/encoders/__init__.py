"""An encoder in three steps: `preprocess` (bytes or text to arrays), `run` (the device), `postprocess` (to vectors).

`processors.py` has the first and the last, which never touch the device, `onnx.py` the one in between; `folder.py`
is a model on disk, and `export.py`, which alone imports torch, writes one.
"""
