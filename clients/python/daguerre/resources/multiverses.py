"""Method of the client for multiverses: an estimate by every configuration of model, prompt and threshold."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np

from daguerre.corpus.multiverses import codes_of_items, corpus_fields, positive_of
from daguerre.dispatch.vectors import EmbeddingsLike, embeddings_of, items_or_embeddings, with_vector
from daguerre.errors import NotFoundError, RemarkWarning
from daguerre.handles.multiverse import AsyncMultiverse
from daguerre.inputs.alignment import json_value, missing_texts
from daguerre.inputs.items import Images, Texts
from daguerre.inputs.multiverse import Grid, Labels, Template, Threshold, check_size, read_grid
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.resources.zero_shot import ZeroShotMethods
from daguerre.results.base import Errors
from daguerre.results.embeddings import Embeddings
from daguerre.results.multiverse import MultiverseEstimates
from daguerre.transport.operations import ESTIMATE_MULTIVERSE, MODELS
from daguerre.types.common import Decode, Float, listed, text_list

AT_ONCE = 500  # prompts of one request


class MultiverseMethods(ZeroShotMethods, EmbeddingMethods):
    """Estimates by many configurations."""

    async def multiverse(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        labels: Labels,
        of: str,
        templates: Sequence[Template] = (None,),
        models: Sequence[str] | None = None,
        thresholds: Sequence[Threshold] = (None,),
        embeddings: EmbeddingsLike | Sequence[EmbeddingsLike] | None = None,
        codes: Any = None,
        corpus: Any = None,
        code: str = "code",
        coders: Sequence[str] = (),
        adjudicator: str | None = None,
        rule: Literal["majority", "unanimous", "mean", "adjudicated"] | None = None,
        missing: Sequence[str] | None = None,
        group: str | None = None,
        stratum: str | None = None,
        time: str | None = None,
        difference: tuple[str, Any, Any] | None = None,
        covariates: Sequence[str] | str = (),
        coefficient: str | None = None,
        outcome: str | None = None,
        role: Literal["outcome", "covariate"] = "outcome",
        family: Literal["linear", "logistic"] | None = None,
        ids: Sequence[str] | None = None,
        decode: Decode | None = None,
        sample: Literal["probability", "convenience"] = "probability",
        confidence: float = 0.95,
        seed: int = 0,
        progress: bool | None = None,
    ) -> AsyncMultiverse:
        """Estimate a share by every configuration of model, template, wording and threshold, uncorrected and corrected.

        Each item is embedded once for each model. A multiverse reports all configurations: one that is picked
        afterwards by its result has no valid interval. The corrected estimate of each is valid on its own.

        Parameters
        ----------
        images, texts, ids, decode, progress : as for `embed`.
        labels : wordings of each label, of which all combinations are tried, {"protest": ["a protest", "people
            protesting in a street"], "other": "another scene"}; or a list of mappings from labels to one text, for
            wordings that belong together.
        of : the label whose share is estimated, as it is coded.
        templates : prompt templates, each with one {}; a list of several is averaged; None: those of the model.
        models : names of models; None: the client's, or the server's default.
        thresholds : None: an item counts if `of` is its best label; a number: if the score of `of` is at least that;
            "score": the mean score.
        embeddings : a result of `embed`, or the path of its file, or a list with one for each model, in place of items
            and models.
        codes : codes of a probability sample of the items, as in `validate`: a table (with inclusion_prob or weight,
            and one or several coders), a mapping or a Series. None: the column `code` of `corpus`, or uncorrected
            estimates alone.
        corpus : table with a row for each item (path or DataFrame), a column id or path, and those named below.
        group, stratum, time, covariates, outcome, role, family : as in `estimate`, columns of `corpus`.
        difference : a column of `corpus` and two of its values: the first minus the second is estimated.
        coefficient : term of the regression on `covariates` that is estimated. With `time`: the trend.
        code, coders, adjudicator, rule, missing, sample, confidence : as in `estimate`.

        Returns
        -------
        Multiverse : `.to_pandas()`, also of="spread" and "choices"; `.summary`; `.report("multiverse.html")` with the
        specification curve.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        ValueError : choices that are repeated, empty or too many; tables that cannot be read.

        Examples
        --------
        >>> M = client.multiverse(
        ...     "photos/",
        ...     labels={"protest": ["a protest", "people protesting in a street"], "other": ["a scene", "a photo"]},
        ...     of="protest",
        ...     templates=["{}", "a photo of {}"],
        ...     codes="codes.csv",
        ... )
        >>> M.to_pandas()
        """
        grid = read_grid(labels, of, templates, thresholds)
        terms = [covariates] if isinstance(covariates, str) else list(covariates)
        every = await self._embedded_by_model(grid, images, texts, ids, models, embeddings, decode, progress)
        first = next(iter(every.values()))
        check_size(grid, list(every), len(first))
        rows, remarks = codes_of_items(
            codes, corpus, first.ids, first.files, code=code, coders=list(coders), adjudicator=adjudicator
        )
        positive: str | None = of
        if rows is not None:
            positive, more = positive_of(of, rows, missing)
            remarks += more
        fields: dict[str, Any] = {
            "corpus": corpus_fields(
                corpus,
                first.ids,
                first.files,
                group=group,
                stratum=stratum,
                time=time,
                difference=difference,
                covariates=terms,
                outcome=outcome,
            ),
            "codes": rows,
            "positive": positive,
            "difference": None
            if difference is None
            else {"by": difference[0], "a": json_value(difference[1]), "b": json_value(difference[2])},
            "coefficient": coefficient,
            "rule": rule,
            "missing": missing_texts(missing),
            "role": role,
            "family": family,
            "sample": sample,
            "confidence": confidence,
            "seed": seed,
            "receipts": [asdict(made.receipt) for made in every.values()],
        }
        fields["configurations"] = [
            {"choices": [{"name": name, "value": value} for name, value in choices.items()], "values": values}
            for model, made in every.items()
            async for choices, values in self._configurations(grid, model, made)
        ]
        answer = await self.ask(ESTIMATE_MULTIVERSE, fields)
        for remark in (*remarks, *answer["remarks"]):
            self.warn(RemarkWarning(remark))
        return AsyncMultiverse(**MultiverseEstimates.fields_of(answer, remarks), client=self)

    async def _embedded_by_model(
        self,
        grid: Grid,
        images: Images | None,
        texts: Texts | None,
        ids: Sequence[str] | None,
        models: Sequence[str] | None,
        embeddings: Any,
        decode: Decode | None,
        progress: bool | None,
    ) -> dict[str, Embeddings]:
        """The vectors of the same items by each model. Raises ValueError, NotFoundError."""
        items_or_embeddings(images, texts, embeddings)
        if embeddings is not None:
            if models is not None:
                raise ValueError("models: are those of the embeddings; leave them out")
            made = await _same_items(embeddings)
            check_size(grid, list(made))
            return made
        if images is None and texts is None:
            raise ValueError("give images, texts, or embeddings")
        names = await self._models(models)
        check_size(grid, names)
        if isinstance(images, Iterator):  # it is read once for each model
            images = list(images)
        if isinstance(texts, Iterator):
            texts = list(texts)
        return {
            name: await self.embed(images=images, texts=texts, ids=ids, model=name, decode=decode, progress=progress)
            for name in names
        }

    async def _models(self, models: Sequence[str] | None) -> list[str]:
        """Names of models that label without training. Raises ValueError, NotFoundError."""
        names = [(await self.card()).id] if models is None else text_list(models, "models")
        if not names:
            raise ValueError("models: is empty; leave it out for the server's default, or name one or more")
        if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
            raise ValueError(f"models: {twice!r} is given twice; leave one of them out")
        cards = {card.id: card for card in await self.ask(MODELS)}
        for name in names:
            if name not in cards:
                raise NotFoundError(
                    f"models: there is no {name!r} here; there are: {', '.join(cards)}",
                    code="unknown_model",
                    status=404,
                    param="model",
                )
            if not cards[name].zero_shot:
                able = listed(card.id for card in cards.values() if card.zero_shot)
                raise ValueError(f"models: {name!r} has no space that images and texts share; these have: {able}")
        return names

    async def _configurations(
        self, grid: Grid, model: str, made: Embeddings
    ) -> AsyncIterator[tuple[Mapping[str, str], list[float | int | None]]]:
        """The choices and predictions of each configuration of a model; None for items without a vector."""
        good = np.flatnonzero(with_vector(made))
        if not len(good):
            error = made.errors[0] if made.errors else None
            why = "" if error is None else f"; the first, {error.id}: {error.message}"
            raise ValueError(f"none of {len(made):,} items has a vector of {model}{why}")
        usable = made if len(good) == len(made) else made[good.tolist()]
        usable = replace(usable, errors=Errors(), unknown=[], truncated=[], videos=[], first_of_many=[])
        cosines, scale = await self._cosines(grid, usable)
        for choices, values in grid.predictions(cosines, scale):
            column: list[float | int | None] = [None] * len(made)
            for place, value in zip(good.tolist(), values, strict=True):
                column[place] = value
            yield {"model": model, **choices}, column

    async def _cosines(self, grid: Grid, made: Embeddings) -> tuple[dict[str, Float], float]:
        """The cosines of the items with every wording in each template (n, texts), and the factor of the softmax.

        Prompts of all templates that are not averaged are the labels of one request, or a few, with the template {}.
        """
        words = grid.texts
        single = {name: own[0] for name, own in grid.templates.items() if own is not None and len(own) == 1}
        prompts = list(dict.fromkeys(own.replace("{}", text) for own in single.values() for text in words))
        columns: dict[str, Float] = {}
        scale = 1.0
        for part in np.array_split(np.array(prompts, dtype=object), -(-len(prompts) // AT_ONCE)) if prompts else ():
            asked = await self.zero_shot(embeddings=made, labels=part.tolist(), templates=["{}"], progress=False)
            columns |= {prompt: asked.cosines[:, i] for i, prompt in enumerate(part.tolist())}
            scale = asked.logit_scale
        found: dict[str, Float] = {}
        for name, own in grid.templates.items():
            if name in single:
                found[name] = np.stack([columns[single[name].replace("{}", text)] for text in words], axis=1)
                continue
            templates = None if own is None else list(own)
            asked = await self.zero_shot(embeddings=made, labels=words, templates=templates, progress=False)
            found[name], scale = asked.cosines, asked.logit_scale
        return found, scale


async def _same_items(given: Any) -> dict[str, Embeddings]:
    """Vectors by model, of the same items in one order. Raises ValueError."""
    several = isinstance(given, list | tuple)
    if several and not given:
        raise ValueError("embeddings: is an empty list; give a result of `embed`, or one for each model")
    found: dict[str, Embeddings] = {}
    for each in given if several else [given]:
        blocks = await embeddings_of(each, default="image")
        if len(blocks) > 1:
            raise ValueError("embeddings: of images and of texts; an item is one of them: give those")
        made = next(iter(blocks.values()))
        if made.model in found:
            raise ValueError(f"embeddings: two are of the model {made.model!r}; give one for each model")
        first = next(iter(found.values()), made)
        if list(made.ids) != list(first.ids):
            if set(made.ids) != set(first.ids) or len(made) != len(first):
                raise ValueError(
                    f"embeddings: those of {made.model!r} have {len(made):,} items, those of {first.model!r} "
                    f"{len(first):,}, and other ids; give vectors of the same items"
                )
            made = made.select(first.ids)
        found[made.model] = made
    return found
