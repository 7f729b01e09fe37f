"""Methods of the client for zero-shot labels."""

from collections.abc import Sequence

from daguerre.dispatch.collect import OnError
from daguerre.inputs.items import Images, Texts, images_or_texts
from daguerre.results.zero_shot import ZeroShot
from daguerre.session import Session
from daguerre.transport.operations import ZERO_SHOT
from daguerre.types.common import Decode, Payload
from daguerre.types.zero_shot import ZeroShotAnswer, ZeroShotOptions


class ZeroShotMethods(Session):
    """Scores of items for labels."""

    async def zero_shot(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        labels: Sequence[str],
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
        templates : prompt templates, each with one {} for the label; None: the model's own.
        multi_label : score each label independently; softmax-trained models contrast it with `negatives`.
        negatives : texts that `multi_label` contrasts labels with; None: the model's own.
        none_of_these : a text that competes with the labels; where it wins, the item's best label is None.
        none_min_cosine : smallest cosine of a best label; below it, it is None. Either this or none_of_these.
        images, texts, ids, model, decode, on_error, progress : as for `embed`.

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
        options = ZeroShotOptions(
            labels=labels,
            model=model or self.default_model,
            decode=decode,
            templates=templates,
            multi_label=multi_label,
            negatives=negatives,
            none_of_these=none_of_these,
            none_min_cosine=none_min_cosine,
        )
        items, total = images_or_texts(images, texts, ids)

        async def ask(items: Sequence[Payload]) -> ZeroShotAnswer:
            return await self.transport.call(ZERO_SHOT, options.fields(), items=items)

        gathered = await self.gather(items, total, ask, on_error, progress, "zero-shot", None)
        if gathered.answers:
            first = gathered.answers[0][1]
            receipt, scale, used, negative = first.receipt, first.logit_scale, first.templates, first.negatives
        else:
            card = await self.card(options.model)
            receipt, scale, used, negative = card.receipt(decode), float("nan"), card.templates or [], None
        best: list[str | None] = [None] * len(gathered.ids)
        for places, answer in gathered.answers:
            for place, label in zip(places, answer.best, strict=True):
                best[place] = label
        k = len(options.labels)
        none = None
        if none_of_these is not None:
            none = gathered.spread(lambda a: a.none_scores[:, None], 1)[:, 0]  # type: ignore[index]
        return ZeroShot(
            ids=gathered.ids,
            errors=gathered.errors,
            receipt=receipt,
            labels=list(options.labels),
            scores=gathered.spread(lambda a: a.scores, k),
            cosines=gathered.spread(lambda a: a.cosines, k),
            best=best,
            none_scores=none,
            templates=list(used),
            negatives=None if negative is None else list(negative),
            logit_scale=scale,
            **gathered.marks,
        )
