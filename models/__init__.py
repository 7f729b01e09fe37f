"""Everything numerical: catalogue, pixels, tokens, encoders. Imports nothing of `service/` and no web library."""

import os

# no telemetry, ever: ONNX Runtime's official builds send it by default and read this when they are first imported
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
