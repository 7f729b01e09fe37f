"""Zero-shot labels: cosines of items with label prompts, and scores made of them.

Prompt templates are averaged per label, as in Radford et al., ICML 2021, section 3.1.4. Scores: softmax of
logit_scale · cosine over the labels for encoders trained with a softmax; on those trained with a sigmoid (Zhai et
al., ICCV 2023) `multi_label` takes that sigmoid. Under `multi_label` on a softmax-trained encoder each label is
contrasted with the negative prompts: exp(s·cos_label) / (exp(s·cos_label) + Σ exp(s·cos_negative)). Never
sigmoid(s·cos), which is near 1 for every label.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.catalog import ZeroShotHead
from models.clustering.describe import Vocabulary
from models.embedded.bridge import l2
from models.encoders.processors import TextProcessor
from models.errors import TextError
from models.images import DecodeMode
from service.errors import TooLarge, Unprocessable, shown
from service.inference.engine import Engine, Model
from service.inference.label_cache import LabelKey
from service.pipelines.encode import Encoded, check_text, encode, raw_texts
from service.pipelines.posts import Post
from service.pipelines.video import Film, Watch
from service.schemas.common import OnError
from service.schemas.zero_shot import ZeroShotOptions

Float = NDArray[np.float32]
PROMPTS_AT_ONCE = 256  # of one request in the queue: a thousand labels leave room for others


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of every item."""

    labels: Sequence[str]
    templates: Sequence[str] | None = None
    multi_label: bool = False
    negatives: Sequence[str] | None = None
    none_text: str | None = None
    none_min_cosine: float | None = None

    @classmethod
    def of(cls, options: ZeroShotOptions) -> "Question":
        """The question in a request."""
        none = options.none_of_these
        return cls(
            labels=options.labels,
            templates=options.templates,
            multi_label=options.multi_label,
            negatives=options.negatives,
            none_text=none.text if none else None,
            none_min_cosine=none.min_cosine if none else None,
        )


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Of n rows: items, frames or shots."""

    best: list[str | None]  # None: no label fits, or the item failed
    scores: Float  # (n, labels)
    cosines: Float  # (n, labels)
    none_scores: Float | None  # (n,)


@dataclass(frozen=True)
class OfFilm:
    """Scores of a video's frames, and of its shots where they were looked for."""

    film: Film
    frames: Scores
    shots: Scores | None


@dataclass(frozen=True, kw_only=True)
class Labelled(Scores):
    """Scores of the items that could be used, a video's pooled over its frames; rows of failed items are NaN."""

    encoded: Encoded
    films: Mapping[int, OfFilm]  # the videos, by index
    templates: tuple[str, ...]
    negatives: tuple[str, ...] | None
    logit_scale: float


async def names_of(engine: Engine, model: Model, labels: Sequence[str]) -> Vocabulary:
    """Names of clusters as vectors, by the model's own templates. Raises Unprocessable, TooLarge."""
    head, texts = _head(model)
    named = _labels(engine, Question(labels=labels))
    templates = _templates(head.templates)
    _count(engine, named, templates)
    vectors = await _label_vectors(engine, model, texts, named, templates)
    return Vocabulary(names=tuple(named), vectors=vectors, logit_scale=head.logit_scale)


def _head(model: Model) -> tuple[ZeroShotHead, TextProcessor]:
    head, texts = model.spec.zero_shot, model.texts
    if head is None or texts is None:
        raise Unprocessable(
            f"model {model.spec.name!r} has no space that images and texts share; choose one with zero_shot in "
            "GET /v1/models",
            code="no_zero_shot",
            param="model",
        )
    return head, texts


@dataclass(frozen=True)
class Prompts:
    """A question that can be asked of a model."""

    head: ZeroShotHead
    texts: TextProcessor
    labels: list[str]
    templates: tuple[str, ...]
    negatives: tuple[str, ...]  # none, unless labels are contrasted with them
    extra: list[str]  # negatives, and then the text of "none of these", if there is one


def asked(engine: Engine, model: Model, question: Question) -> Prompts:
    """Raises Unprocessable and TooLarge for labels or templates that make no sense."""
    head, texts = _head(model)
    labels = _labels(engine, question)
    templates = _templates(head.templates if question.templates is None else question.templates)
    contrasts = question.multi_label and head.activation == "softmax"
    if question.negatives is not None and not contrasts:
        raise Unprocessable(
            "negatives: only used with multi_label on a softmax-trained encoder; leave them out",
            param="negatives",
        )
    negatives = tuple(head.negatives if question.negatives is None else question.negatives) if contrasts else ()
    if contrasts and not negatives:
        raise Unprocessable(
            'negatives: is empty; leave it out, or send for example ["something else"]', param="negatives"
        )
    extra = [*negatives, *([question.none_text] if question.none_text else [])]
    _count(engine, [*labels, *extra], templates)
    for i, text in enumerate(extra):
        _check(engine, text, "negatives" if i < len(negatives) else "none_of_these.text")
    if question.none_text and _folded(question.none_text) in {_folded(label) for label in labels}:
        raise Unprocessable("none_of_these.text: is one of the labels; say what none of them is", param="none_of_these")
    return Prompts(head, texts, labels, templates, negatives, extra)


async def zero_shot(
    engine: Engine,
    model: Model,
    items: Sequence[Post],
    question: Question,
    *,
    decode: DecodeMode,
    on_error: OnError,
    watch: Watch | None = None,
) -> Labelled:
    """Label `items`; `watch` sees how far videos are.

    Raises what `encode` raises, and Unprocessable for labels or templates that make no sense.
    """
    prompts = asked(engine, model, question)
    head, labels, negatives, extra = prompts.head, prompts.labels, prompts.negatives, prompts.extra
    vectors = await _label_vectors(engine, model, prompts.texts, [*labels, *extra], prompts.templates)
    encoded = await encode(engine, model, items, operation="zero_shot", decode=decode, on_error=on_error, watch=watch)

    def of(rows: Float) -> Scores:
        """Of unit vectors (n, d)."""
        cosines = rows @ vectors.T  # (n, labels + negatives + none)
        k = len(labels)
        none_cosines = cosines[:, -1:] if question.none_text else None
        with np.errstate(invalid="ignore"):  # rows of failed items are NaN and stay it
            scores, none_scores = _scores(
                head, question, cosines[:, :k], cosines[:, k : k + len(negatives)], none_cosines
            )
        best = _best(labels, question, cosines[:, :k], none_cosines)
        return Scores(best=best, scores=scores, cosines=cosines[:, :k], none_scores=none_scores)

    films = {i: _of_film(film, of(film.rows), labels, question) for i, film in encoded.films.items()}
    return Labelled(
        **vars(_with_films(of(encoded.vectors), encoded.failures, films, labels, question)),
        encoded=encoded,
        films=films,
        templates=prompts.templates,
        negatives=negatives or None,
        logit_scale=head.logit_scale,
    )


def _of_film(film: Film, frames: Scores, labels: Sequence[str], question: Question) -> OfFilm:
    shots = None if film.shots is None else _pooled(frames, film.over_shots, labels, question)
    return OfFilm(film, frames, shots)


def _with_films(
    items: Scores,
    failures: Mapping[int, object],
    films: Mapping[int, OfFilm],
    labels: Sequence[str],
    question: Question,
) -> Scores:
    """The items' scores, those of a video pooled over its frames, and no label where an item failed."""
    best = [None if i in failures else label for i, label in enumerate(items.best)]
    for i, each in films.items():
        whole = _pooled(each.frames, each.film.over_video, labels, question)
        best[i], items.scores[i], items.cosines[i] = whole.best[0], whole.scores[0], whole.cosines[0]
        if items.none_scores is not None and whole.none_scores is not None:
            items.none_scores[i] = whole.none_scores[0]
    return replace(items, best=best)


def _pooled(
    frames: Scores,
    over: Callable[[Float], NDArray[np.float64]],
    labels: Sequence[str],
    question: Question,
) -> Scores:
    """Pooled by `over`. The label is that of the highest pooled score, unless "none of these" beats it."""
    scores, cosines = over(frames.scores).astype(np.float32), over(frames.cosines).astype(np.float32)
    none = None if frames.none_scores is None else over(frames.none_scores[:, None])[:, 0].astype(np.float32)
    top = np.nan_to_num(scores).argmax(axis=1)
    rows = np.arange(len(top))
    fits = np.ones(len(top), bool)
    if none is not None:
        fits &= scores[rows, top] >= none
    if question.none_min_cosine is not None:
        fits &= cosines[rows, top] >= question.none_min_cosine
    best = [labels[t] if fit else None for t, fit in zip(top, fits, strict=True)]
    return Scores(best=best, scores=scores, cosines=cosines, none_scores=none)


def _scores(
    head: ZeroShotHead, question: Question, cosines: Float, negatives: Float, none: Float | None
) -> tuple[Float, Float | None]:
    """Scores of the labels (n, k), and of "none of these" (n,) where it is a text."""
    logits = head.logit_scale * cosines + head.logit_bias
    none_logits = None if none is None else head.logit_scale * none + head.logit_bias  # (n, 1)
    if question.multi_label and head.activation == "sigmoid":
        return _sigmoid(logits), None if none_logits is None else _sigmoid(none_logits)[:, 0]
    if question.multi_label:
        against = _log_sum_exp(head.logit_scale * negatives + head.logit_bias)  # (n, 1)
        return _sigmoid(logits - against), None if none_logits is None else _sigmoid(none_logits - against)[:, 0]
    every = logits if none_logits is None else np.concatenate([logits, none_logits], axis=1)
    shares = np.exp(every - _log_sum_exp(every))
    return shares[:, : logits.shape[1]], None if none_logits is None else shares[:, -1]


def _best(labels: Sequence[str], question: Question, cosines: Float, none: Float | None) -> list[str | None]:
    """The label of the highest cosine: scores rise with cosines, but may be rounded to the same number."""
    top = cosines.argmax(axis=1)  # of a failed item's NaN: 0
    highest = cosines[np.arange(len(top)), top]
    least = (
        np.full(len(top), -np.inf) if question.none_min_cosine is None else np.full(len(top), question.none_min_cosine)
    )
    if none is not None:
        least = np.maximum(least, none[:, 0])
    return [labels[t] if fits else None for t, fits in zip(top, np.asarray(highest >= least), strict=True)]


async def _label_vectors(
    engine: Engine, model: Model, processor: TextProcessor, labels: Sequence[str], templates: tuple[str, ...]
) -> Float:
    """Unit vectors of `labels`, (k, d): from the cache, or made together."""
    fingerprint = model.receipts["exact"]["fingerprint"]
    keys = [LabelKey(fingerprint, templates, label) for label in labels]
    found = {key: vector for key in keys if (vector := engine.labels.get(key)) is not None}
    missing = [key for key in dict.fromkeys(keys) if key not in found]
    if missing:
        prompts = [template.replace("{}", key.label) for key in missing for template in templates]
        parts = []
        step = min(PROMPTS_AT_ONCE, engine.settings.queue)
        for start in range(0, len(prompts), step):
            part, _, cut = await raw_texts(engine, model, processor, prompts[start : start + step])
            if cut:
                long = missing[(start + cut[0]) // len(templates)].label
                raise Unprocessable(
                    f"labels: {shown(long)} with its template has more tokens than the model's maximum; shorten it",
                    param="labels",
                )
            parts.append(part)
        mean = l2(np.concatenate(parts)).reshape(len(missing), len(templates), -1).mean(axis=1)
        made = await engine.in_thread(lambda: processor.postprocess(mean))
        for key, vector in zip(missing, made, strict=True):
            found[key] = vector
            engine.labels.put(key, vector.copy())  # not a view, which would keep all of them
    return np.stack([found[key] for key in keys])


def _labels(engine: Engine, question: Question) -> list[str]:
    labels = list(question.labels)
    if len(labels) > engine.settings.max_labels:
        raise TooLarge(
            f"labels: got {len(labels)}, the limit is {engine.settings.max_labels}; ask in several requests",
            code="too_many_labels",
            param="labels",
        )
    least = 1 if question.multi_label else 2
    if len(labels) < least:
        raise Unprocessable(
            f"labels: got {len(labels)}, zero-shot needs at least {least}"
            + ("" if question.multi_label else ' (add a contrast such as "something else", or set multi_label)'),
            param="labels",
        )
    seen: dict[str, int] = {}
    for i, label in enumerate(labels):
        _check(engine, label, f"labels[{i}]")
        first = seen.setdefault(_folded(label), i)
        if first != i:
            raise Unprocessable(
                f"labels[{i}]: {shown(label)} is labels[{first}] again; each label once",
                param=f"labels[{i}]",
            )
    return labels


def _templates(templates: Sequence[str]) -> tuple[str, ...]:
    for i, template in enumerate(templates):
        if template.count("{}") != 1:
            raise Unprocessable(
                f"templates[{i}]: {shown(template)} has {template.count('{}')} of {{}}, it needs one, where the "
                "label goes",
                param=f"templates[{i}]",
            )
    if not templates:
        raise Unprocessable('templates: is empty; leave it out, or send ["{}"]', param="templates")
    return tuple(templates)


def _count(engine: Engine, labels: Sequence[str], templates: Sequence[str]) -> None:
    limit = engine.settings.max_prompts
    if len(labels) * len(templates) > limit:
        raise TooLarge(
            f"{len(labels)} labels times {len(templates)} templates are more than {limit} prompts; send fewer",
            code="too_many_prompts",
            param="labels",
        )


def _check(engine: Engine, text: str, param: str) -> None:
    try:
        check_text(text, engine.settings.max_text_chars)
    except TextError as exc:
        raise Unprocessable(f"{param}: {exc}", param=param) from exc


def _folded(label: str) -> str:
    return unicodedata.normalize("NFKC", label).casefold().strip()


def _sigmoid(x: Float) -> Float:
    return np.exp(-np.logaddexp(0, -x))


def _log_sum_exp(x: Float) -> Float:
    return np.logaddexp.reduce(x, axis=1, keepdims=True)
