"""The steps of an encoder before and after the device: `preprocess` (bytes or text to arrays) and `postprocess`.

`processors.py` has both, `projection.py` the last step of the embedded model's text encoder, and `preprocessor.py`
reads the preprocessing of a `transformers` folder. The step between, `run`, is in `models/sessions/`.
"""
