"""Labels and templates of zero-shot requests, checked, and their vectors."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.analysers.presets import Preset, preset
from models.catalog.spec import ZeroShotHead
from models.clustering.names import Vocabulary
from models.embedded.class_names import class_names
from models.encoders.processors import TextProcessor
from models.errors import AnalysisError, TextError, quoted
from models.vectors import l2
from service.errors import TooLarge, Unprocessable
from service.inference.engine import Engine, Model
from service.inference.label_cache import LabelKey
from service.pipelines.encode import check_text, raw_texts, tokenised
from service.schemas.zero_shot import ZeroShotOptions

Float = NDArray[np.float32]
PROMPTS_AT_ONCE = 256  # prompts of one request in the queue, so that a thousand labels do not fill it


@dataclass(frozen=True, kw_only=True)
class ZeroShotQuery:
    """Labels, templates and options of a zero-shot request; those of its preset, if it names one."""

    labels: Sequence[str]
    preset: Preset | None = None
    templates: Sequence[str] | None = None
    multi_label: bool = False
    negatives: Sequence[str] | None = None
    none_text: str | None = None
    none_min_cosine: float | None = None

    @classmethod
    def of(cls, options: ZeroShotOptions) -> "ZeroShotQuery":
        """The query of a request. Raises Unprocessable for no labels, an unknown preset, and labels beside one."""
        none, row = options.none_of_these, _preset(options)
        return cls(
            labels=(options.labels or ()) if row is None else row.labels,
            preset=row,
            templates=options.templates if row is None else row.templates,
            multi_label=options.multi_label or (row is not None and row.multi_label),
            negatives=options.negatives,
            none_text=none.text if none else None,
            none_min_cosine=none.min_cosine if none else None,
        )


def _preset(options: ZeroShotOptions) -> Preset | None:
    if options.preset is None:
        if options.labels is None:
            raise Unprocessable(
                'labels: is missing; send labels, such as ["a cat", "a dog"], or the name of a preset', param="labels"
            )
        return None
    for name in ("labels", "templates"):
        if getattr(options, name) is not None:
            raise Unprocessable(
                f"{name}: the preset {quoted(options.preset)} has its own; send either {name} or a preset", param=name
            )
    try:
        return preset(options.preset)
    except AnalysisError as exc:
        raise Unprocessable(exc.message, param="preset") from exc


async def names_of(engine: Engine, model: Model, labels: Sequence[str]) -> Vocabulary:
    """Embed names of clusters with the model's templates. Raises Unprocessable, TooLarge."""
    head, texts = _head(model)
    named = _labels(engine, ZeroShotQuery(labels=labels))
    templates = _templates(head.templates)
    _count(engine, named, templates)
    vectors = await label_vectors(engine, model, texts, named, templates)
    return Vocabulary(names=tuple(named), vectors=vectors, logit_scale=head.logit_scale)


async def built_in_names(engine: Engine, model: Model) -> Vocabulary | None:
    """Embed the names that the model's row of the catalogue offers for clusters; None if it offers none."""
    head = model.spec.zero_shot
    if head is None or head.vocabulary is None or model.texts is None:
        return None
    names = class_names()
    vectors = await label_vectors(engine, model, model.texts, names, ("{}",))
    return Vocabulary(names=names, vectors=vectors, logit_scale=head.logit_scale)


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
    """A query validated for a model, with its prompt templates."""

    head: ZeroShotHead
    texts: TextProcessor
    labels: list[str]
    prompts: list[str]  # texts that take the place of the labels in the templates
    templates: tuple[str, ...]
    negatives: tuple[str, ...]  # empty unless labels are contrasted with them
    extra: list[str]  # negatives, then the text of "none of these", if any


def prepare_prompts(engine: Engine, model: Model, question: ZeroShotQuery) -> Prompts:
    """Validate a query for the model. Raises Unprocessable and TooLarge for labels or templates."""
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
    prompts = labels if question.preset is None else list(question.preset.prompts)
    return Prompts(head, texts, labels, prompts, templates, negatives, extra)


async def label_vectors(
    engine: Engine, model: Model, processor: TextProcessor, labels: Sequence[str], templates: tuple[str, ...]
) -> Float:
    """Unit vectors of `labels`, (k, d), from the cache or embedded together."""
    fingerprint = model.receipts["exact"]["fingerprint"]
    keys = [LabelKey(fingerprint, templates, label) for label in labels]
    found = {key: vector for key in keys if (vector := engine.labels.get(key)) is not None}
    missing = [key for key in dict.fromkeys(keys) if key not in found]
    if missing:
        checked = iter(missing)
        async for each in tokenised(engine, processor, [key.label for key in missing]):
            key = next(checked)
            if each.truncated:
                raise _too_long(key.label)
            if each.unknown:
                raise Unprocessable(
                    f"labels: {quoted(key.label)} has no token that the model knows, so it would score as any other "
                    "such text; write it in words of the model's language",
                    param="labels",
                )
        prompts = [(key.label, template) for key in missing for template in templates]
        parts = []
        step = min(PROMPTS_AT_ONCE, engine.settings.queue)
        for start in range(0, len(prompts), step):
            texts = [template.replace("{}", label) for label, template in prompts[start : start + step]]
            part, tokens = await raw_texts(engine, model, processor, texts)
            cut = next((i for i, each in enumerate(tokens, start) if each.truncated), None)
            if cut is not None:
                raise _too_long(prompts[cut][0])
            parts.append(part)
        mean = l2(np.concatenate(parts)).reshape(len(missing), len(templates), -1).mean(axis=1)
        made = await engine.in_thread(lambda: processor.postprocess(mean))
        for key, vector in zip(missing, made, strict=True):
            found[key] = vector
            engine.labels.put(key, vector.copy())  # a view would keep the whole array in memory
    return np.stack([found[key] for key in keys])


def _too_long(label: str) -> Unprocessable:
    return Unprocessable(
        f"labels: {quoted(label)} with its template has more tokens than the model's maximum; shorten it",
        param="labels",
    )


def _labels(engine: Engine, question: ZeroShotQuery) -> list[str]:
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
                f"labels[{i}]: {quoted(label)} is labels[{first}] again; each label once",
                param=f"labels[{i}]",
            )
    return labels


def _templates(templates: Sequence[str]) -> tuple[str, ...]:
    for i, template in enumerate(templates):
        if template.count("{}") != 1:
            raise Unprocessable(
                f"templates[{i}]: {quoted(template)} has {template.count('{}')} of {{}}, it needs one, where the "
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
