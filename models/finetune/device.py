"""Selection of the torch device; a device that is not available is an error."""

import torch

from models.errors import ModelUnavailable
from models.finetune.options import Precision


def select_device(device: str, precision: Precision | None) -> tuple[torch.device, Precision]:
    """The torch device of a name, and its precision. Raises ModelUnavailable where the device is not available."""
    kind, _, index = device.partition(":")
    if device == "cpu":
        if precision == "fp16":
            raise ModelUnavailable("precision: fp16 on a CPU is not supported; use fp32 or bf16, or device cuda:0")
        return torch.device("cpu"), precision or "fp32"
    if kind != "cuda" or not (index.isdecimal() or device == "cuda"):
        raise ModelUnavailable(f"device: {device!r} is not one of cpu, cuda:0, cuda:1, …")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(index or 0) >= count:
        raise ModelUnavailable(
            f"device: got {device}, but torch {torch.__version__} finds {count} CUDA devices; install a CUDA build of"
            " torch, or use device cpu"
        )
    selected = torch.device("cuda", int(index or 0))
    native = torch.cuda.get_device_capability(selected) >= (8, 0)  # older devices emulate bf16, slowly
    return selected, precision or ("bf16" if native else "fp16")
