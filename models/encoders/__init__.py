"""The steps of an encoder around the device: `preprocess` (bytes or text to arrays) and `postprocess` (to vectors).

`processors.py` has both, `projection.py` a step after the embedded model's sentence encoder, and `preprocessor.py`
reads what a folder of `transformers` asks for. The step between, `run`, is a session's: `models/sessions/`.
"""
