"""Videos over gRPC: items off the wire, and answers as JSON has them to messages."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daguerre_proto.v1 import classifiers_pb2, common_pb2, embeddings_pb2, job_answers_pb2, video_pb2, zero_shot_pb2
from service import grpc_wire, schema
from service.errors import Unprocessable
from service.files import FileStore
from service.grpc_given import fields_of, filled
from service.grpc_given import posts_of as plain_posts_of
from service.pipelines.posts import Post
from service.pipelines.video import Clip
from service.pipelines.video_jobs import Operation
from service.schema_video import Sampling
from service.validation import validated

Answer = Mapping[str, Any]


def sampling(given: video_pb2.Sampling, *, of: int | None = None) -> Sampling:
    """The request's, or that of item `of`. Raises Unprocessable, in the words of HTTP."""
    fields = fields_of(given)
    if of is None:
        return validated(schema.ModelOptions, {"sampling": fields}).sampling or Sampling()
    items = [*[""] * of, {"video": "", "sampling": fields}]
    return validated(schema.EmbeddingsRequest, {"input": items}).input[of].sampling or Sampling()


def clip(given: video_pb2.Video, general: Sampling, store: FileStore, owner: str | None, place: int) -> Clip:
    """Raises Unprocessable, NotFound."""
    param = f"input[{place}]"
    chosen = sampling(given.sampling, of=place) if given.HasField("sampling") else general
    kind = given.WhichOneof("source")
    if kind is None:
        raise Unprocessable(f"{param}: a video has either data or a file", param=param)
    return Clip(given.data if kind == "data" else store.video(given.file, owner).path, chosen)


def items_of(
    given: Sequence[common_pb2.Item], options: common_pb2.ModelOptions, store: FileStore, owner: str | None
) -> list[Post]:
    """The items of a request, videos among them. Raises Unprocessable, NotFound."""
    items = grpc_wire.inputs(given)
    general = sampling(options.sampling) if options.HasField("sampling") else Sampling()
    for i, item in enumerate(given):
        if item.WhichOneof("content") == "video":
            items[i] = Post(video=clip(item.video, general, store, owner, i), id=items[i].id)
    return items


def posts_of(
    given: Sequence[classifiers_pb2.Post], general: Sampling, store: FileStore, owner: str | None
) -> list[Post] | None:
    """The same of posts."""
    posts = plain_posts_of(given, videos=True)
    for i, post in enumerate(given):
        if posts and post.HasField("video"):
            posts[i] = Post(video=clip(post.video, general, store, owner, i), id=posts[i].id)
    return posts


def embeddings(answer: Answer) -> embeddings_pb2.EmbedResponse:
    """Of an answer in base64."""
    data = []
    for entry in answer["data"]:
        vector = _bytes(entry["embedding"]) if "embedding" in entry else None
        video = _video(entry, [])
        data.append(
            embeddings_pb2.Embedding(
                index=entry["index"], id=entry.get("id"), vector=vector, error=_error(entry), video=video
            )
        )
    return embeddings_pb2.EmbedResponse(
        model=answer["model"],
        receipt=grpc_wire.receipt(answer["receipt"]),
        dimension=max((len(each.vector) // 4 for each in data), default=0),
        data=data,
        truncated=answer["truncated"],
        prompt_tokens=answer["usage"]["prompt_tokens"],
    )


def zero_shot(answer: Answer) -> zero_shot_pb2.ZeroShotResponse:
    made = zero_shot_pb2.ZeroShotResponse(
        model=answer["model"],
        receipt=grpc_wire.receipt(answer["receipt"]),
        labels=answer["labels"],
        templates=answer["templates"],
        logit_scale=answer["logit_scale"],
        truncated=answer["truncated"],
        data=[
            zero_shot_pb2.Scored(
                index=entry["index"],
                id=entry.get("id"),
                label=entry.get("label"),
                scores=entry.get("scores", ()),
                cosines=entry.get("cosines", ()),
                none_score=entry.get("none_score"),
                error=_error(entry),
                video=_video(entry, []),
            )
            for entry in answer["data"]
        ],
    )
    if answer["negatives"] is not None:
        made.negatives.values.extend(answer["negatives"])
    return made


def predictions(answer: Answer) -> classifiers_pb2.PredictResponse:
    labels = answer["labels"]
    data = []
    for entry in answer["data"]:
        low, high = entry.get("interval") or (None, None)
        data.append(
            classifiers_pb2.Predicted(
                index=entry["index"],
                id=entry.get("id"),
                label=entry.get("label"),
                probabilities=[entry["probabilities"][label] for label in labels] if "probabilities" in entry else (),
                value=entry.get("value"),
                low=low,
                high=high,
                error=_error(entry),
                video=_video(entry, labels),
            )
        )
    return classifiers_pb2.PredictResponse(
        classifier=answer["classifier"],
        task=answer["task"],
        labels=labels,
        data=data,
        model=answer["model"],
        truncated=answer["truncated"],
        receipt=None if answer["receipt"] is None else grpc_wire.receipt(answer["receipt"]),
    )


def job_answer(operation: Operation, answer: Answer) -> job_answers_pb2.JobAnswer:
    if operation == "embeddings":
        return job_answers_pb2.JobAnswer(embeddings=embeddings(answer))
    if operation == "zero_shot":
        return job_answers_pb2.JobAnswer(zero_shot=zero_shot(answer))
    return job_answers_pb2.JobAnswer(predictions=predictions(answer))


def _error(entry: Answer) -> common_pb2.ItemError | None:
    return common_pb2.ItemError(**entry["error"]) if "error" in entry else None


def _video(entry: Answer, labels: Sequence[str]) -> video_pb2.VideoResult | None:
    if "video" not in entry:
        return None
    block = entry["video"]
    made = video_pb2.VideoResult(
        facts=filled(video_pb2.VideoFacts, block),
        sampling=_sampled(block["sampling"]),
        report=video_pb2.VideoReport(**block["report"]),
        decoder=block["decoder"],
    )
    for frame in block["frames"]:
        thumbnail = _bytes(frame["thumbnail"]) if "thumbnail" in frame else None
        made.frames.add(
            **{name: frame[name] for name in ("index", "timestamp", "shot", "dropped")},
            thumbnail=thumbnail,
            outcome=_outcome(frame, labels),
        )
    for shot in block["shots"] or ():
        made.shots.add(
            **{name: shot[name] for name in ("index", "start", "end", "frames")},
            outcome=_outcome(shot, labels) if shot["frames"] else None,
        )
    return made


def _outcome(entry: Answer, labels: Sequence[str]) -> video_pb2.Outcome:
    low, high = entry.get("interval") or (None, None)
    return video_pb2.Outcome(
        vector=_bytes(entry["embedding"]) if "embedding" in entry else None,
        label=entry.get("label"),
        scores=entry.get("scores", ()),
        cosines=entry.get("cosines", ()),
        none_score=entry.get("none_score"),
        probabilities=[entry["probabilities"][label] for label in labels] if "probabilities" in entry else (),
        value=entry.get("value"),
        low=low,
        high=high,
    )


def _sampled(fields: Answer) -> video_pb2.Sampling:
    known = {name: value for name, value in fields.items() if value is not None and name != "detector"}
    detector = fields.get("detector")
    return video_pb2.Sampling(**known, detector=None if detector is None else video_pb2.ShotDetector(**detector))


def _bytes(given: str | Sequence[float]) -> bytes:
    """Of base64, or of numbers, which a job's answer has where base64 was not asked for."""
    return base64.b64decode(given) if isinstance(given, str) else np.asarray(given, "<f4").tobytes()
