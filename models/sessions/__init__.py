"""Sessions that run a graph on a device: ONNX Runtime on CPUs and GPUs, or torch."""
