"""The device that is asked for, or an error; never another."""

import torch

from models.errors import ModelUnavailable
from models.finetune.options import Precision


def settle(device: str, precision: Precision | None) -> tuple[torch.device, Precision]:
    """The torch device of that name, and the precision it is used with. Raises ModelUnavailable, never another one."""
    kind, _, index = device.partition(":")
    if device == "cpu":
        if precision == "fp16":
            raise ModelUnavailable("precision: fp16 on a CPU is not offered; take fp32 or bf16, or device cuda:0")
        return torch.device("cpu"), precision or "fp32"
    if kind != "cuda" or not (index.isdecimal() or device == "cuda"):
        raise ModelUnavailable(f"device: {device!r} is not one of cpu, cuda:0, cuda:1, …")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(index or 0) >= count:
        raise ModelUnavailable(
            f"device: {device} was asked for, torch {torch.__version__} finds {count} CUDA devices; install a CUDA"
            " build of torch, or take device cpu"
        )
    settled = torch.device("cuda", int(index or 0))
    native = torch.cuda.get_device_capability(settled) >= (8, 0)  # older ones emulate bf16, slowly
    return settled, precision or ("bf16" if native else "fp16")
