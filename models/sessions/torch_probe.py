"""`python -m models.sessions.torch_probe cuda:0` tests whether torch computes there: status 0, or 1 and the reason."""

import sys


def try_device(device: str) -> str:
    """Compute on `device`. Returns the error in one line, or ""."""
    try:
        import torch

        doubled = (torch.full((2, 2), 1.5, device=device) @ torch.ones((2, 2), device=device)).cpu().tolist()
    except Exception as exc:  # torch is not there, or without CUDA, or too new for the driver
        return " ".join(str(exc).split())
    return "" if doubled == [[3.0, 3.0]] * 2 else f"1.5 + 1.5 gave {doubled[0][0]}"


if __name__ == "__main__":
    error = try_device(sys.argv[1])
    if error:
        print(error)
    sys.exit(bool(error))
