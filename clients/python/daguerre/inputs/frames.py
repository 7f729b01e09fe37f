"""The choice of frames of a video, as fields of the request."""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Seconds: TypeAlias = float | str  # 2, 0.5, "2s", "500ms", "1m", "1h"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def sampled(
    *,
    every: Seconds | None = None,
    frames: int | None = None,
    shots: Literal["first", "middle"] | bool = False,
    keyframes: bool | Seconds = False,
) -> dict[str, Any]:
    """The choice of frames as fields of the request. Raises ValueError."""
    given = [name for name, is_there in _there(every, frames, shots, keyframes) if is_there]
    if len(given) > 1:
        raise ValueError(f"give only one of {' and '.join(given)}: they are different ways to choose frames")
    if every is not None:
        return {"policy": "every", "seconds": seconds(every, "every")}
    if frames is not None:
        if isinstance(frames, bool) or int(frames) != frames or frames < 1:
            raise ValueError(f"frames: got {frames!r}; give a whole number from 1 on")
        return {"policy": "evenly", "n": int(frames)}
    if shots:
        if shots not in (True, "first", "middle"):
            raise ValueError(f'shots: got {shots!r}, there are "middle" and "first"')
        return {"policy": "shots", "take": "middle" if shots is True else shots}
    if keyframes is not False:
        return {"policy": "keyframes", **({} if keyframes is True else {"apart": seconds(keyframes, "keyframes")})}
    return {"policy": "every", "seconds": 1.0}


def _there(every: Any, frames: Any, shots: Any, keyframes: Any) -> list[tuple[str, bool]]:
    chosen = (every is not None, frames is not None, bool(shots), keyframes is not False)
    return list(zip(("every", "frames", "shots", "keyframes"), chosen, strict=True))


def video_options(
    find_shots: bool, detector: Any, drop: int | None, pooling: str, top_k: int, thumbnail: int | None, looked_for: bool
) -> dict[str, Any]:
    """The other fields of the request, checked before a long upload. Raises ValueError."""
    fields: dict[str, Any] = {"find_shots": find_shots, "pooling": pooling, "top_k": top_k}
    if pooling not in ("mean", "max", "top_k"):
        raise ValueError(f'pooling: got {pooling!r}, there are "mean", "max" and "top_k"')
    for name, value, least, most in (
        ("top_k", top_k, 1, 100_000),
        ("drop_within", drop, 0, 63),
        ("thumbnail", thumbnail, 16, 512),
    ):
        if value is not None:
            if not least <= value <= most:
                raise ValueError(f"{name}: got {value}, it is {least} to {most:,}")
            fields[name] = value
    if detector is not None:
        if not looked_for:
            raise ValueError("detector needs find_shots=True or shots=True")
        fields["detector"] = {"method": detector} if isinstance(detector, str) else dict(detector)
    return fields


SAMPLING = ("every", "frames", "shots", "keyframes", "find_shots", "detector", "drop_within", "thumbnail")


def checked_sampling(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments of `Client.video` that choose frames, checked before an upload. Raises ValueError, TypeError."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f'sampling: got {given!r:.60}; give a mapping, such as {{"every": "2s", "find_shots": True}}')
    chosen = {name: value for name, value in (given or {}).items() if value is not None}
    if unknown := [name for name in chosen if name not in SAMPLING]:
        raise ValueError(f"sampling: got {unknown[0]!r:.60}, there are {', '.join(SAMPLING)}")
    sampling_fields(chosen)
    return chosen


def sampling_fields(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The same as fields of the request. Raises ValueError."""
    policy = sampled(**{name: chosen[name] for name in ("every", "frames", "shots", "keyframes") if name in chosen})
    find_shots = bool(chosen.get("find_shots"))
    others = chosen.get("detector"), chosen.get("drop_within"), "mean", 3, chosen.get("thumbnail")
    return policy | video_options(find_shots, *others, looked_for=bool(find_shots or chosen.get("shots")))


def seconds(given: Seconds, what: str) -> float:
    """2, 0.5, "2s", "500ms", "1m" or "1h" in seconds. Raises ValueError."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([a-z]*)", str(given).strip().lower())
    number = float(match[1]) * _UNITS.get(match[2] or "s", float("nan")) if match else float("nan")
    if not 0 < number <= 86_400:
        raise ValueError(f'{what}: got {given!r}; it is seconds, or a text such as "2s", "500ms", "1m", "1h"')
    return number
