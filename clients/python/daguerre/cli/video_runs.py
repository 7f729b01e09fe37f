"""`daguerre zero-shot`, `embed` and `predict` with --video. Each ends the command."""

import json
from collections.abc import Mapping
from typing import Any

import click

from daguerre import Client
from daguerre.cli.group import Settings
from daguerre.cli.videos import VideoOptions, end, finish, look
from daguerre.corpus.videos import VideoParts, named, of_embeddings, of_predictions, of_scores, write, write_vectors
from daguerre.results.base import Errors


def zero_shot_videos(
    settings: Settings,
    client: Client,
    looking: VideoOptions,
    question: Mapping[str, Any],
    out: str,
    kind: str,
    as_json: bool,
) -> None:
    card = client.run(client.asynchronous.card())
    made = card.receipt(question["decode"])
    asked = {"zero-shot": dict(question), "fingerprint": made.fingerprint}
    parts = _parts(out, asked, looking)
    failed = look(settings, client, looking, parts, lambda clip: clip.zero_shot(**question), of_scores)
    count = write(parts, looking.paths, failed, named(question["labels"]), out, kind, labelled=True)
    _end(settings, looking, parts, failed, count, f"{made.model} {made.fingerprint}", out, as_json)


def embed_videos(
    settings: Settings, client: Client, looking: VideoOptions, decode: Any, out: str, kind: str, as_json: bool
) -> None:
    card = client.run(client.asynchronous.card())
    made = card.receipt(decode)
    parts = _parts(out, {"embed": decode, "fingerprint": made.fingerprint}, looking)
    failed = look(settings, client, looking, parts, lambda clip: clip.embed(decode=decode), of_embeddings)
    if kind == ".csv":
        names = [str(i) for i in range(card.dimension)]
        count = write(parts, looking.paths, failed, names, out, kind, labelled=False, digits=".9g")
    else:
        count = write_vectors(parts, looking.paths, failed, made, card.dimension, out, kind)
    _end(settings, looking, parts, failed, count, f"{made.model} {made.fingerprint}", out, as_json)


def predict_videos(
    settings: Settings, client: Client, looking: VideoOptions, name: str, out: str, kind: str, as_json: bool
) -> None:
    clf = client.classifier(name)
    parts = _parts(out, {"predict": clf.id}, looking)
    failed = look(settings, client, looking, parts, lambda clip: clip.predict(clf), of_predictions)
    names = named(clf.labels) or ["value", "low", "high"]
    count = write(parts, looking.paths, failed, names, out, kind, labelled=bool(clf.labels))
    _end(settings, looking, parts, failed, count, clf.id, out, as_json)


def _parts(out: str, asked: Mapping[str, Any], looking: VideoOptions) -> VideoParts:
    page = None if looking.timeline is None else str(looking.timeline.absolute())
    return VideoParts(out, {**asked, "looking": dict(looking.options), "timeline": page})


def _end(
    settings: Settings,
    looking: VideoOptions,
    parts: VideoParts,
    failed: Errors,
    count: int,
    by: str,
    out: str,
    as_json: bool,
) -> None:
    parts.remove()
    said = finish(settings, looking, out, count, failed, by)
    if as_json:
        click.echo(json.dumps(said))
    end(failed)
