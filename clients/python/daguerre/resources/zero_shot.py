"""Methods of the client for zero-shot labels."""

from collections.abc import Sequence
from typing import Any

from daguerre.dispatch.collect import OnError
from daguerre.dispatch.vectors import EmbeddingsLike, embeddings_of, items_or_embeddings
from daguerre.errors import RemarkWarning
from daguerre.handles.reported import AsyncZeroShot, reported
from daguerre.inputs.alignment import item_ids
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images, Texts, images_or_texts
from daguerre.results.zero_shot import ZeroShot
from daguerre.session import Session
from daguerre.transport.operations import PRESETS, ZERO_SHOT
from daguerre.types.common import Decode, Payload
from daguerre.types.zero_shot import Preset, ZeroShotAnswer, ZeroShotOptions


class ZeroShotMethods(Session):
    """Scores of items for labels."""

    async def presets(self) -> list[Preset]:
        """The named questions of the server, for `zero_shot(…, preset=…)`."""
        return await self.ask(PRESETS)

    @reported(AsyncZeroShot)
    async def zero_shot(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        labels: Sequence[str] | None = None,
        preset: str | None = None,
        embeddings: EmbeddingsLike | None = None,
        crops: Any = None,
        templates: Sequence[str] | None = None,
        multi_label: bool = False,
        negatives: Sequence[str] | None = None,
        none_of_these: str | None = None,
        none_min_cosine: float | None = None,
        ids: Sequence[str] | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> ZeroShot:
        """Score images or texts for labels of your choice.

        Parameters
        ----------
        labels : two or more different ones, or one with multi_label.
        preset : name of a question with its own labels and templates, in place of yours, such as "protest",
            "evoked-emotion" or "meme-cartoon-or-photo"; `presets()` lists them. Validate its scores first.
        embeddings : a result of `embed`, or the path of its .parquet or .npz file, in place of items: the scores are
            the same, and take no time. Labels are embedded by the model of the embeddings.
        templates : prompt templates, each with one {} for the label; None: the model's own.
        multi_label : score each label independently; softmax-trained models contrast it with `negatives`.
        negatives : texts that `multi_label` contrasts labels with; None: the model's own.
        none_of_these : a text that competes with the labels; where it wins, the item's best label is None.
        none_min_cosine : smallest cosine of a best label; below it, it is None. Either this or none_of_these.
        images, texts, crops, ids, model, decode, on_error, progress : as for `embed`.

        Returns
        -------
        ZeroShot : `.scores` (n, k) float32, `.best`, `.top(k)`, `.to_pandas()`, `.errors`, `.receipt`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> client = Client()
        >>> P = client.zero_shot(images="photos/", labels=["a cat", "a cup of coffee", "a rocket launch"])
        >>> P.best
        ['a cat', 'a cup of coffee', 'a rocket launch']
        """
        images = with_crops(images, crops)
        options = ZeroShotOptions(
            labels=labels,
            preset=preset,
            model=model or (self.default_model if embeddings is None else None),
            decode=decode,
            templates=templates,
            multi_label=multi_label,
            negatives=negatives,
            none_of_these=none_of_these,
            none_min_cosine=none_min_cosine,
        )
        items_or_embeddings(images, texts, embeddings)
        made = None
        if embeddings is not None:
            blocks = await embeddings_of(embeddings, default="image")
            if len(blocks) > 1:
                raise ValueError("embeddings: of images and of texts; an item of zero_shot is one of them: give those")
            made = next(iter(blocks.values()))

            async def ask_vectors(vectors: Any, places: range) -> ZeroShotAnswer:
                return await self.ask(ZERO_SHOT, options.fields(), vectors=vectors)

            every = made.ids if ids is None else item_ids(ids, made.ids)
            gathered = await self.gather_vectors(blocks, every, ask_vectors, on_error, progress, "zero-shot")
        else:
            items, total = images_or_texts(images, texts, ids)

            async def ask(items: Sequence[Payload]) -> ZeroShotAnswer:
                return await self.transport.call(ZERO_SHOT, options.fields(), items=items)

            gathered = await self.gather(items, total, ask, on_error, progress, "zero-shot", None)
        if gathered.answers:
            first = gathered.answers[0][1]
            receipt, scale, used, negative = first.receipt, first.logit_scale, first.templates, first.negatives
        else:
            card = await self.card(options.model or (None if made is None else made.model))
            receipt = card.receipt(decode) if made is None else made.receipt
            scale, used, negative = float("nan"), card.templates or [], None
        best: list[str | None] = [None] * len(gathered.ids)
        for places, answer in gathered.answers:
            for place, label in zip(places, answer.best, strict=True):
                best[place] = label
        asked = gathered.answers[0][1] if gathered.answers else None
        names = list(asked.labels if asked is not None else options.labels or ())
        if asked is not None and asked.notice:
            self.warn(RemarkWarning(asked.notice))
        k = len(names)
        none = None
        if none_of_these is not None:
            none = gathered.spread(lambda a: a.none_scores[:, None], 1)[:, 0]  # type: ignore[index]
        return ZeroShot(
            ids=gathered.ids,
            files=gathered.files,
            errors=gathered.errors,
            receipt=receipt,
            labels=names,
            scores=gathered.spread(lambda a: a.scores, k),
            cosines=gathered.spread(lambda a: a.cosines, k),
            best=best,
            none_scores=none,
            templates=list(used),
            negatives=None if negative is None else list(negative),
            logit_scale=scale,
            preset=None if asked is None else asked.preset,
            prompts=None if asked is None or asked.prompts is None else list(asked.prompts),
            notice=None if asked is None else asked.notice,
            servers=gathered.servers,
            cached=gathered.cached,
            **gathered.marks,
        )
