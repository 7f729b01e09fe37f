"""Captions: analyses with one analyser, whose answer has a text for each picture and frame."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from models.analysers.captions import TOKENS
from service.errors import ServiceError
from service.pipelines import analyses
from service.pipelines.operation import Answer, Call, Operation
from service.schemas.analyses import Analysers, AnalysesOptions, CaptionOptions
from service.schemas.captions import CaptionsOptions

KIND = "captions"
OWN = f"analysers.{KIND}."  # the place of the options in a request for analyses


def _check(call: Call[CaptionsOptions]) -> None:
    with _named():
        analyses.choose(call.engine, _as_analyses(call).options)


async def _run(call: Call[CaptionsOptions]) -> Answer:
    inner = _as_analyses(call)
    with _named():
        work = await analyses.analyse(inner, operation=KIND)
    answer = analyses.to_json(inner, work)
    receipt, options = answer["receipts"][KIND], answer["options"][KIND]
    data = [_entry(entry) for entry in answer["data"]]
    return {
        "object": "list",
        "model": receipt["analyser"],
        "data": data,
        "first_of_many": answer["first_of_many"],
        "usage": {"pictures": work.analysed, "tokens": _total(data)},
        "receipt": {**receipt, "prompt": options.get("prompt", ""), "max_tokens": options["max_tokens"]},
    }


def _as_analyses(call: Call[CaptionsOptions]) -> Call[AnalysesOptions]:
    """The same call as one for analyses."""
    given = call.options
    own = CaptionOptions.model_validate({name: getattr(given, name) for name in CaptionOptions.model_fields})
    options = AnalysesOptions(
        analysers=Analysers(captions=own), on_error=given.on_error, sampling=given.sampling, mode=given.mode
    )
    return Call(
        engine=call.engine,
        classifiers=call.classifiers,
        options=options,
        items=call.items,
        monitor=call.monitor,
    )


@contextmanager
def _named() -> Iterator[None]:
    """Name options in errors as a request for captions does."""
    try:
        yield
    except ServiceError as exc:
        if exc.param is None or not exc.param.startswith(OWN):
            raise
        exc.param = exc.param.removeprefix(OWN)
        exc.message = exc.message.replace(f"analysers.{KIND}: ", f"{exc.param}: ", 1).replace(OWN, "", 1)
        exc.args = (exc.message,)
        raise


def _entry(entry: Mapping[str, Any]) -> Answer:
    """The entry of an item in an answer of captions, from that in one of analyses."""
    if "error" in entry:
        return dict(entry)
    result = entry["results"][KIND]
    made = {name: value for name, value in entry.items() if name not in ("results", "video")}
    if "video" not in entry:
        return {**made, **_caption(result)}
    video = entry["video"]
    frames = [_without_results(frame, _caption(frame["results"][KIND])) for frame in video["frames"]]
    shots = video["shots"] and [
        _without_results(shot, {"captions": _texts(frame for frame in frames if frame["shot"] == shot["index"])})
        for shot in video["shots"]
    ]
    return {
        **made,
        "captions": _texts(frames),
        "remarks": list(result["remarks"]),
        "video": {**video, "frames": frames, "shots": shots},
    }


def _caption(result: Mapping[str, Any]) -> Answer:
    """The fields of a caption, from the result of the analyser for a picture."""
    first = result["findings"][0] if result["findings"] else {}
    tokens = result["values"].get(TOKENS)
    return {
        "caption": first.get("text", ""),
        "score": first.get("score"),
        "ended": not result["truncated"],
        "tokens": None if tokens is None else int(tokens),
        "remarks": list(result["remarks"]),
    }


def _without_results(part: Mapping[str, Any], more: Mapping[str, Any]) -> Answer:
    return {**{name: value for name, value in part.items() if name != "results"}, **more}


def _texts(frames: Iterable[Mapping[str, Any]]) -> list[str]:
    """The captions of frames, each once, in order; without empty ones."""
    return [text for text in dict.fromkeys(frame["caption"] for frame in frames) if text]


def _total(data: Sequence[Mapping[str, Any]]) -> int | None:
    """The number of tokens of all captions; None where one is not known."""
    every = [frame for entry in data for frame in (entry["video"]["frames"] if "video" in entry else [entry])]
    tokens: list[int | None] = [each.get("tokens") for each in every if "error" not in each]
    known = [number for number in tokens if number is not None]
    return sum(known) if len(known) == len(tokens) else None


OPERATION = Operation(name=KIND, options=CaptionsOptions, check=_check, run=_run)
