"""Methods of the client for annotation: samples, pairs, comparison."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daguerre.corpus.classifiers import item_groups
from daguerre.dispatch.vectors import BlockingItems, StoredItems, items_stored, with_uploads
from daguerre.handles.reported import AsyncSample, reported
from daguerre.inputs.alignment import (
    ItemIndex,
    id_texts,
    is_series,
    item_ids,
    per_item,
    series_labels,
)
from daguerre.inputs.kinds import named_kind
from daguerre.inputs.votes import read_votes
from daguerre.resources.sample_arguments import diverse_rows, refuse_faces, sample_size, usable_rows
from daguerre.resources.scales import ScaleMethods
from daguerre.resources.search import Query
from daguerre.results.annotation import Comparison, Pairs, Sample, Stratum
from daguerre.results.clusters import Clustered
from daguerre.results.embeddings import Embeddings
from daguerre.results.labellings import Labellings, aligned_labels
from daguerre.transport.operations import COMPARE, PAIRS, SAMPLE
from daguerre.types.common import NO_MODEL, Float, record
from daguerre.types.embeddings import StoredRows, VectorBlock

if TYPE_CHECKING:
    pass

Unclustered = Literal["singletons", "exclude"]


class AnnotationMethods(ScaleMethods):
    """Samples and pairs to code, comparison of clusterings."""

    @reported(AsyncSample)
    async def sample(
        self,
        size: int | None = None,
        *,
        clusters: Clustered | None = None,
        strata: Sequence[Any] | None = None,
        scores: Sequence[float] | None = None,
        n: int | None = None,
        near: Query | None = None,
        embeddings: Embeddings | StoredItems | BlockingItems | None = None,
        design: Literal["simple", "stratified", "purposive"] | None = None,
        allocation: Literal["proportional", "equal", "floor"] = "proportional",
        floor: int = 0,
        seed: int = 0,
        ids: Sequence[str] | None = None,
        diversity: float | None = None,
        vectors: ArrayLike | None = None,
        for_width: float | None = None,
        expected_share: float | None = None,
        classifier: Any = None,
        groups: Any = None,
    ) -> Sample:
        """Draw a sample of items to code.

        Parameters
        ----------
        size : number of items to draw; or give `for_width`.
        clusters, strata : a clustering, or a stratum for each item, to draw from each. Items without a result are not
            drawn.
        scores : a score for each item, to draw the highest.
        near, embeddings : texts or images, to draw the items of `embeddings` that are nearest to any of them: a str is
            a text, a Path an image.
        n : number of items, to draw each with the same probability; `ids` or `embeddings` alone give it as well.
        design : None: the design that the other arguments imply.
        allocation : items per stratum: "proportional" to its size, "equal", or "floor", which is proportional with at
            least `floor`.
        floor : smallest number of items per stratum under allocation "floor".
        seed : seed of the random numbers; the same seed gives the same sample.
        ids : ids in place of those of the clusters or embeddings; they stay on this machine.
        diversity : from 0 to 1, to draw items that differ: each is the candidate farthest from those before it, by the
            `embeddings` or `vectors`. Of n items, the size^(1 - diversity) · n^diversity with the highest scores are
            candidates, or so many at random where there are no scores. 0 draws the highest scores without copies.
            None: the highest scores, copies too.
        vectors : (n, d) vectors of the items for `diversity`, in place of embeddings. Items with NaN are not drawn.
        for_width : in place of size, the width of the 95 % interval that the codes shall give, from its lower to its
            upper bound: 0.03 is a share plus or minus 0.015. `.remarks` says which size this needs.
        expected_share : expected share of the class, for `for_width`; None: one half, the worst case.
        classifier : classifier (or its name) whose predictions will correct the share, for `for_width`: the errors in
            its report determine the size.
        groups : group of each item, such as a result of `duplicates`, a list in the order of the items, or a mapping
            by id; the sample carries it, so that training keeps groups together.

        Returns
        -------
        Sample : `.ids`, `.indexes`, `.inclusion_prob` (m,), `.fit_for_inference`, `.remarks`, `.to_pandas()`;
        `.save("sample.csv", coders=["anna", "ben"])` writes the table that coders fill in.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        ValueError : the items to draw from are not clear.

        Examples
        --------
        >>> client.sample(200, clusters=C, allocation="equal").save("sample.csv", coders=["anna", "ben"])
        >>> client.sample(for_width=0.05, clusters=C).remarks
        >>> client.sample(50, near="a burning car", embeddings=X).ids
        >>> client.sample(50, near="a burning car", embeddings=X, diversity=0.5).ids
        """
        corpus: Embeddings | None = await items_stored(embeddings, download=near is not None)
        refuse_faces(corpus, vectors)
        if near is not None:
            if corpus is None or scores is not None:
                raise ValueError("near needs embeddings, and excludes scores")
            scores = (await self._scores(near, corpus)).tolist()
        given = {"clusters": clusters, "strata": strata, "scores": scores}
        there = [name for name, value in given.items() if value is not None]
        if len(there) > 1:
            raise ValueError(f"give one of {' and '.join(there)}: a draw has one design")
        source = clusters if clusters is not None else corpus
        rows = diverse_rows(diversity, vectors, corpus)
        sizes = {len(each) for each in (source, strata, scores, ids, rows) if each is not None} | ({n} if n else set())
        if len(sizes) != 1:
            many = " and ".join(map(str, sorted(sizes)))
            raise ValueError(
                f"the arguments have {many} items; give as many of each"
                if sizes
                else "give clusters, strata, scores, embeddings with near, or n to draw from"
            )
        total = sizes.pop()
        every = item_ids(ids, source.ids if source is not None else [str(i) for i in range(total)])
        good = np.ones(total, bool) if source is None else source.ok
        numbers = None if scores is None else np.asarray(scores, np.float64)
        if numbers is not None:
            good = good & ~np.isnan(numbers)
        if rows is not None:
            usable = usable_rows(rows)
            if missing := int((good & ~usable).sum()):
                self.warn(f"{missing:,} of {total:,} items have no vector, or one of zeros, and are not drawn")
            good = good & usable
        place = np.flatnonzero(good)
        layers = (
            None if strata is None and clusters is None else strata if clusters is None else clusters.labels.tolist()
        )
        if is_series(layers) and source is None:  # it has a label for each item
            every = item_ids(ids if ids is not None else series_labels(layers), every)
            layers = list(layers)  # type: ignore[arg-type]
        index = ItemIndex(every, every)
        strata = None if layers is None else id_texts(index.column("strata", layers, whole=True), "strata")
        implied = "purposive" if scores is not None else "simple" if strata is None else "stratified"
        kind = design or ("purposive" if implied == "simple" and rows is not None else implied)
        if rows is not None and kind != "purposive":
            raise ValueError(
                f"diversity: got {diversity} with design {kind!r}; it is for purposive samples, leave it out"
            )
        fields: dict[str, Any] = {"design": kind, "seed": int(seed)}
        fields |= sample_size(size, for_width, expected_share, classifier)
        if kind == "simple":
            fields["n"] = len(place)
        elif kind == "stratified" and strata is not None:
            fields |= {"strata": [strata[i] for i in place.tolist()], "allocation": allocation, "floor": floor}
        elif kind == "purposive" and rows is not None:
            place = np.array(sorted(place.tolist(), key=every.__getitem__), np.int64)  # of copies, the first id
            fields |= {"diversity": diversity, "scores": None if numbers is None else numbers[place].tolist()}
        elif kind == "purposive" and numbers is not None:
            fields["scores"] = numbers[place].tolist()
        else:
            raise ValueError(f"design: got {kind!r}; stratified needs clusters or strata, purposive scores or near")
        answer = await with_uploads(
            self.transport,
            [] if rows is None else [_block(rows, place, corpus)],
            lambda sent: self.ask(SAMPLE, fields, vectors=sent),
            retry_for=self.limits.retry_for,
        )
        indexes = place[answer["indexes"]]
        probability = answer["inclusion_prob"]
        return Sample(
            **{name: answer[name] for name in ("design", "n", "fit_for_inference", "remarks", "seed")},
            indexes=indexes,
            ids=[every[i] for i in indexes.tolist()],
            inclusion_prob=None if probability is None else np.array(probability, np.float64),
            stratum=None if strata is None else [strata[i] for i in indexes.tolist()],
            strata=tuple(record(Stratum, each) for each in answer["strata"]),
            candidates=answer.get("candidates"),
            copies=answer.get("copies"),
            smallest_distance=answer.get("smallest_distance"),
            files=_files(source, indexes.tolist()),
            group=None if groups is None else _group(groups, every, indexes.tolist()),
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
        """Draw pairs of items to code: do the two belong together?

        Parameters
        ----------
        clusterings : clusters, or a cluster for each item, -1 for none; for several, a mapping by name.
        within, between : number of pairs that share a cluster, and of pairs that share none.
        disputed : number of pairs on which the clusterings disagree.
        unclustered : items in no cluster are "singletons", clusters of their own, or are "exclude"d.
        allocation : pairs per cluster: "proportional" to its number of pairs, or "equal".
        seed : seed of the random numbers; the same seed gives the same pairs.
        ids : ids in place of those of the clusters; they stay on this machine.

        Returns
        -------
        Pairs : `.to_pandas()`; `.save("pairs.csv")` has a column `same` to fill in.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> client.draw_pairs({"a": A, "b": B}, 100, 100, disputed=50).save("pairs.csv")
        """
        labels, every, good = aligned_labels(clusterings, ids)
        place = np.flatnonzero(good)
        fields = {
            "clusterings": {name: clusters[place].tolist() for name, clusters in labels.items()},
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
        """Compare clusterings by pairs that people have coded.

        Parameters
        ----------
        pairs : a result of `draw_pairs`; or indexes of items, all pairs with the same probability.
        same : for each pair, whether people put the two together; None if it is not coded.
        clusterings : clusterings of the items of the pairs, as for `draw_pairs`.
        unclustered : as for `draw_pairs`; None: as the pairs were drawn.
        held_out : share of the pairs that score the winner, and do not choose it; None: 0.5.
        resamples, confidence : number of bootstrap resamples of pairs, and level of the intervals; None: 1000, 0.95.

        Returns
        -------
        Comparison : `.configurations` with precision, recall and F1, `.winner`, `.remarks`, `.to_pandas()`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> client.compare(pairs, same, {"a": A, "b": B})
        """
        labels, _, _ = aligned_labels(clusterings, None)
        coded, without = coded_pairs(pairs, pair_ends(pairs), same)
        fields: dict[str, Any] = {
            **coded,
            "clusterings": {name: clusters.tolist() for name, clusters in labels.items()},
            "unclustered": unclustered or (pairs.unclustered if isinstance(pairs, Pairs) else None),
            "held_out": held_out,
            "resamples": resamples,
            "confidence": confidence,
            "seed": seed,
        }
        return Comparison.of(await self.ask(COMPARE, fields), without)


def _files(source: Any, indexes: Sequence[int]) -> list[str] | None:
    """Where the drawn images are on this machine, or their ids; None for items that are no images."""
    if source is None or "image" not in str(getattr(source, "modality", None) or "image"):
        return None
    files = list(getattr(source, "files", None) or source.ids)
    drawn = [files[i] for i in indexes]
    return drawn if any(named_kind(file) == "image" or os.path.isfile(file) for file in drawn) else None


def _group(groups: Any, every: Sequence[str], indexes: Sequence[int]) -> list[str]:
    """The groups of the drawn items."""
    if isinstance(groups, list | tuple | np.ndarray):
        values = id_texts(per_item("groups", list(groups), len(every)), "groups")
        return [values[i] for i in indexes]
    return item_groups(groups, [every[i] for i in indexes])


def pair_ends(pairs: Pairs | Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """The items of each pair by index, (p, 2)."""
    if isinstance(pairs, Pairs):
        return np.stack([pairs.a, pairs.b], axis=1)
    return np.array(pairs, np.int64).reshape(-1, 2)


def coded_pairs(
    pairs: Pairs | Sequence[tuple[int, int]], ends: NDArray[np.int64], same: Sequence[bool | int | None]
) -> tuple[dict[str, Any], int]:
    """The coded pairs as they are sent, and the number of pairs that nobody coded. Raises ValueError.

    Parameters
    ----------
    ends : (p, 2) the items of each pair.
    """
    votes = read_votes(per_item("same", same, len(pairs)))
    rows = [i for i, each in enumerate(votes) if each is not None]
    fields: dict[str, Any] = {
        "a": ends[rows, 0].tolist(),
        "b": ends[rows, 1].tolist(),
        "same": [bool(votes[i]) for i in rows],
    }
    if isinstance(pairs, Pairs):
        fields["inclusion_prob"] = pairs.inclusion_prob[rows].tolist()
        fields["stratum"] = [pairs.stratum[i] for i in rows]
    return fields, len(votes) - len(rows)


def _block(rows: Float | StoredRows, place: NDArray[np.int64], embeddings: Embeddings | None) -> VectorBlock:
    """The vectors of the items at `place`, as they are sent."""
    modality = (None if embeddings is None else embeddings.modality) or "image"
    model, fingerprint = ("vectors", "vectors") if embeddings is None else (embeddings.model, embeddings.fingerprint)
    receipt = NO_MODEL if embeddings is None else embeddings.receipt
    drawn = rows[place]
    return VectorBlock(
        modality=modality,
        model=model,
        fingerprint=fingerprint,
        rows=drawn if isinstance(drawn, StoredRows) else np.ascontiguousarray(drawn),
        receipt=receipt,
    )
