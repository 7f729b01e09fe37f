"""Captions of pictures: the answer, in the form of one of analyses with the analyser of captions alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from daguerre.types.analyses import AnalysesAnswer
from daguerre.types.common import NO_MODEL, Content, failures

KIND = "captions"
TOKENS = "captions_tokens"  # value of a picture
OPTIONS = ("prompt", "max_tokens")


@dataclass(frozen=True, kw_only=True)
class CaptionsAnswer(AnalysesAnswer):
    """Captions as findings: an entry of each item has the results of one analyser."""

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "CaptionsAnswer":
        receipt = content["receipt"]
        return cls(
            entries=[None if entry.get("error") else _entry(entry) for entry in content["data"]],
            receipts={KIND: {name: value for name, value in receipt.items() if name not in OPTIONS}},
            options={KIND: {name: receipt[name] for name in OPTIONS}},
            receipt=NO_MODEL,
            failures=failures(content),
            truncated=[],
            first_of_many=content.get("first_of_many", ()),
            request_id=request_id,
        )


@dataclass(frozen=True, kw_only=True)
class CaptionOptions:
    """Options of a request for captions; None is the server's default."""

    prompt: str | None = None
    max_tokens: int | None = None
    model: str | None = None

    def fields(self) -> dict[str, Any]:
        """The options as fields of the request."""
        return {name: value for name, value in vars(self).items() if value is not None}


def _entry(entry: Content) -> dict[str, Any]:
    """The entry of an item as an answer of analyses has it."""
    own = ("caption", "score", "ended", "tokens", "remarks", "captions", "video")
    made = {name: value for name, value in entry.items() if name not in own}
    video = entry.get("video")
    if not video:
        return {**made, "results": {KIND: _result(entry)}}
    frames = [_part(frame) for frame in video["frames"]]
    groups: dict[int, list[Content]] = {}
    for frame in frames:
        groups.setdefault(frame.get("shot") or 0, []).append(frame)
    shots = video["shots"] and [
        {
            **{name: value for name, value in shot.items() if name != "captions"},
            **({"results": {KIND: _mean(groups[shot["index"]], ())}} if shot["frames"] else {}),
        }
        for shot in video["shots"]
    ]
    return {
        **made,
        "results": {KIND: _mean(frames, entry["remarks"])},
        "video": {**video, "frames": frames, "shots": shots},
    }


def _part(frame: Content) -> dict[str, Any]:
    own = ("caption", "score", "ended", "tokens", "remarks")
    made = {name: value for name, value in frame.items() if name not in own}
    return {**made, "results": {KIND: _result(frame)}}


def _result(captioned: Content) -> dict[str, Any]:
    """The result of the analyser for a picture or a frame."""
    finding = {"text": captioned["caption"], "score": captioned.get("score")}
    tokens = captioned.get("tokens")
    return {
        "findings": [finding] if captioned["caption"] else [],
        "values": {} if tokens is None else {TOKENS: float(tokens)},
        "truncated": not captioned["ended"],
        "remarks": list(captioned["remarks"]),
    }


def _mean(frames: Sequence[Content], remarks: Sequence[str]) -> dict[str, Any]:
    """The result of a video or a shot: the mean number of tokens, by the times that frames are on the screen."""
    results: list[Mapping[str, Any]] = [frame["results"][KIND] for frame in frames]
    weights = [frame.get("times", 1) for frame in frames]
    known = bool(results) and all(TOKENS in each["values"] for each in results)
    mean = float(np.average([each["values"][TOKENS] for each in results], weights=weights)) if known else None
    return {
        "findings": [],
        "values": {} if mean is None else {TOKENS: mean},
        "truncated": any(each["truncated"] for each in results),
        "remarks": list(remarks),
    }
