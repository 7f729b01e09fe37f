"""Methods of the client for annotation: samples, pairs, agreement, comparison."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from daguerre.inputs.alignment import Code, item_ids, json_value, per_item
from daguerre.resources.search import Query, SearchMethods
from daguerre.results.annotation import Agreement, Comparison, Pairs, Sample, Stratum, figure
from daguerre.results.clusters import Clustered
from daguerre.results.embeddings import Embeddings
from daguerre.results.labellings import Labellings, aligned_labels
from daguerre.transport.operations import AGREEMENT, COMPARE, PAIRS, SAMPLE
from daguerre.types.common import record

Unclustered = Literal["singletons", "exclude"]


class AnnotationMethods(SearchMethods):
    """Samples and pairs to be coded, and figures of codes."""

    async def sample(
        self,
        size: int,
        *,
        clusters: Clustered | None = None,
        strata: Sequence[Any] | None = None,
        scores: Sequence[float] | None = None,
        n: int | None = None,
        near: Query | None = None,
        embeddings: Embeddings | None = None,
        design: Literal["simple", "stratified", "purposive"] | None = None,
        allocation: Literal["proportional", "equal", "floor"] = "proportional",
        floor: int = 0,
        seed: int = 0,
        ids: Sequence[str] | None = None,
    ) -> Sample:
        """Draw items, for people to code.

        Parameters
        ----------
        size : items to draw.
        clusters, strata : draw from each cluster, or from each stratum: one for each item. Items without a result are
            not drawn.
        scores : draw those of the highest score: one for each item.
        near, embeddings : draw what is nearest in `embeddings` to texts, or to images: a str is a text, a Path an
            image. Of several, to any of them.
        n : draw from so many items, each alike; `ids` or `embeddings` alone say how many there are too.
        design : left out, what the others ask for.
        allocation : of strata: proportional to their sizes; equal; or floor, proportional with at least `floor` each.
        ids : in place of those of the clusters or embeddings; they stay on this machine.

        Returns
        -------
        Sample : `.ids`, `.indexes`, `.inclusion_prob` (m,), `.fit_for_inference`, `.to_pandas()`.

        Raises
        ------
        DaguerreError : any of the tree in daguerre.errors.
        ValueError : where it is not clear what to draw from.

        Examples
        --------
        >>> client.sample(200, clusters=C, allocation="equal").to_pandas()
        >>> client.sample(50, near="a burning car", embeddings=X).ids
        """
        if near is not None:
            if embeddings is None or scores is not None:
                raise ValueError("near: say in which embeddings, and leave scores out")
            scores = (await self._scores(near, embeddings)).tolist()
        given = {"clusters": clusters, "strata": strata, "scores": scores}
        there = [name for name, value in given.items() if value is not None]
        if len(there) > 1:
            raise ValueError(f"give one of {' and '.join(there)}: a draw has one design")
        source = clusters if clusters is not None else embeddings
        sizes = {len(each) for each in (source, strata, scores, ids) if each is not None} | ({n} if n else set())
        if len(sizes) != 1:
            many = " and ".join(map(str, sorted(sizes)))
            raise ValueError(
                f"what is given is of {many} items; it has to be of the same ones"
                if sizes
                else "give clusters, strata, scores, embeddings with near, or n: what to draw from"
            )
        total = sizes.pop()
        every = item_ids(ids, source.ids if source is not None else [str(i) for i in range(total)])
        good = np.ones(total, bool) if source is None else source.ok
        numbers = None if scores is None else np.asarray(scores, np.float64)
        if numbers is not None:
            good = good & ~np.isnan(numbers)
        place = np.flatnonzero(good)
        layers = (
            None if strata is None and clusters is None else strata if clusters is None else clusters.labels.tolist()
        )
        strata = None if layers is None else [str(each) for each in per_item("strata", layers, total)]
        kind = design or ("purposive" if scores is not None else "simple" if strata is None else "stratified")
        fields: dict[str, Any] = {"design": kind, "size": int(size), "seed": int(seed)}
        if kind == "simple":
            fields["n"] = len(place)
        elif kind == "stratified" and strata is not None:
            fields |= {"strata": [strata[i] for i in place.tolist()], "allocation": allocation, "floor": floor}
        elif kind == "purposive" and numbers is not None:
            fields["scores"] = numbers[place].tolist()
        else:
            raise ValueError(f"design: got {kind!r}; stratified needs clusters or strata, purposive scores or near")
        answer = await self.ask(SAMPLE, fields)
        indexes = place[answer["indexes"]]
        probability = answer["inclusion_prob"]
        return Sample(
            **{name: answer[name] for name in ("design", "n", "fit_for_inference", "remarks", "seed")},
            indexes=indexes,
            ids=[every[i] for i in indexes.tolist()],
            inclusion_prob=None if probability is None else np.array(probability, np.float64),
            stratum=None if strata is None else [strata[i] for i in indexes.tolist()],
            strata=tuple(record(Stratum, each) for each in answer["strata"]),
        )

    async def draw_pairs(
        self,
        clusterings: Labellings,
        within: int,
        between: int,
        *,
        disputed: int = 0,
        unclustered: Unclustered = "singletons",
        allocation: Literal["proportional", "equal"] = "proportional",
        seed: int = 0,
        ids: Sequence[str] | None = None,
    ) -> Pairs:
        """Draw pairs of items, for people to code: do these two belong together?

        Parameters
        ----------
        clusterings : clusters, or a cluster for each item, -1 for none; of several, a mapping by name.
        within, between : pairs that share a cluster, and that share none.
        disputed : pairs on which several clusterings differ.
        unclustered : items in no cluster are clusters of their own, or none of the pairs has them.
        allocation : within pairs by the pairs that clusters have, or equally many of each.
        ids : in place of those of the clusters; they stay on this machine.

        Returns
        -------
        Pairs : `.to_pandas()`; `.save("pairs.csv")` has a column `same` to be filled in.

        Raises
        ------
        DaguerreError : any of the tree in daguerre.errors.

        Examples
        --------
        >>> client.draw_pairs({"a": A, "b": B}, 100, 100, disputed=50).save("pairs.csv")
        """
        labels, every, good = aligned_labels(clusterings, ids)
        place = np.flatnonzero(good)
        fields = {
            "clusterings": {name: found[place].tolist() for name, found in labels.items()},
            "within": int(within),
            "between": int(between),
            "disputed": int(disputed),
            "unclustered": unclustered,
            "allocation": allocation,
            "seed": seed,
        }
        answer = await self.ask(PAIRS, fields)
        a, b = (place[np.array([each[end] for each in answer["pairs"]], np.int64)] for end in ("a", "b"))
        return Pairs(
            a=a,
            b=b,
            a_ids=[every[i] for i in a.tolist()],
            b_ids=[every[i] for i in b.tolist()],
            stratum=[each["stratum"] for each in answer["pairs"]],
            cluster=[each["cluster"] for each in answer["pairs"]],
            inclusion_prob=np.array([each["inclusion_prob"] for each in answer["pairs"]], np.float64),
            strata=tuple(record(Stratum, each) for each in answer["strata"]),
            unclustered=unclustered,
            **{name: answer[name] for name in ("n", "remarks", "seed")},
        )

    async def agreement(
        self,
        coder: Sequence[Any],
        item: Sequence[Any],
        code: Sequence[Code],
        *,
        level: Literal["nominal", "ordinal", "interval"] = "nominal",
        resamples: int | None = None,
        seed: int = 0,
    ) -> Agreement:
        """How far coders agree: percent, Cohen's kappa of two, Krippendorff's alpha, with bootstrap intervals.

        Parameters
        ----------
        coder, item, code : a long table, row by row; a code of None, or a row that is not there, is missing.
        level : of measurement.
        resamples : of items; None: 1000.

        Returns
        -------
        Agreement : `.percent`, `.kappa`, `.alpha`, each with value, low and high; None where nothing varies.

        Raises
        ------
        DaguerreError : any of the tree in daguerre.errors.

        Examples
        --------
        >>> client.agreement(table["coder"], table["item"], table["code"]).alpha.value
        """
        fields: dict[str, Any] = {
            "coder": [str(each) for each in coder],
            "item": [str(each) for each in item],
            "code": [json_value(each) for each in code],
            "level": level,
            "resamples": resamples,
            "seed": seed,
        }
        answer = await self.ask(AGREEMENT, fields)
        percent, kappa, alpha = (figure(answer[name]) for name in ("percent", "kappa", "alpha"))
        assert percent
        assert alpha
        return Agreement(
            coders=tuple(answer["coders"]),
            items=answer["items"],
            level=answer["level"],
            percent=percent,
            kappa=kappa,
            alpha=alpha,
        )

    async def compare(
        self,
        pairs: Pairs | Sequence[tuple[int, int]],
        same: Sequence[bool | int | None],
        clusterings: Labellings,
        *,
        unclustered: Unclustered | None = None,
        held_out: float | None = None,
        resamples: int | None = None,
        confidence: float | None = None,
        seed: int = 0,
    ) -> Comparison:
        """Judge clusterings by pairs that people have coded.

        Parameters
        ----------
        pairs : of `draw_pairs`; or indexes of items, each pair as likely as any other.
        same : for each pair, whether people put the two together; None where nobody has said so.
        clusterings : of the same items as the pairs, as for `draw_pairs`.
        unclustered : left out, as the pairs were drawn.
        held_out : share of the pairs that the winner is scored on, not chosen by; None: 0.5.
        resamples, confidence : of the intervals; None: 1000, and 0.95.

        Returns
        -------
        Comparison : `.configurations` with precision, recall and F1, `.winner`, `.remarks`, `.to_pandas()`.

        Raises
        ------
        DaguerreError : any of the tree in daguerre.errors.

        Examples
        --------
        >>> client.compare(pairs, same, {"a": A, "b": B})
        """
        labels, _, _ = aligned_labels(clusterings, None)
        judged = [json_value(each) for each in per_item("same", same, len(pairs))]
        if odd := [each for each in judged if each not in (None, 0, 1)]:
            raise ValueError(f"same: got {odd[0]!r}; it is True, False, or None where nobody has said so")
        rows = [i for i, each in enumerate(judged) if each is not None]
        if isinstance(pairs, Pairs):
            ends = np.stack([pairs.a, pairs.b], axis=1)
        else:
            ends = np.array(pairs, np.int64).reshape(-1, 2)
        fields: dict[str, Any] = {
            "a": ends[rows, 0].tolist(),
            "b": ends[rows, 1].tolist(),
            "same": [bool(judged[i]) for i in rows],
            "clusterings": {name: found.tolist() for name, found in labels.items()},
            "unclustered": unclustered or (pairs.unclustered if isinstance(pairs, Pairs) else None),
            "held_out": held_out,
            "resamples": resamples,
            "confidence": confidence,
            "seed": seed,
        }
        if isinstance(pairs, Pairs):
            fields["inclusion_prob"] = pairs.inclusion_prob[rows].tolist()
            fields["stratum"] = [pairs.stratum[i] for i in rows]
        return Comparison.of(await self.ask(COMPARE, fields), len(judged) - len(rows))
