"""Methods of the client for comparisons of representations."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from daguerre.dispatch.vectors import BlockingItems, StoredItems, items_stored, with_uploads
from daguerre.inputs.alignment import json_value
from daguerre.resources.annotation import coded_pairs, pair_ends
from daguerre.results.annotation import Pairs
from daguerre.results.embeddings import Embeddings
from daguerre.results.representations import Representations
from daguerre.session import Session
from daguerre.transport.operations import COMPARE_REPRESENTATIONS, REPRESENTATIONS, REPRESENTATIONS_PAGE
from daguerre.types.common import NO_MODEL, Float
from daguerre.types.embeddings import NamedBlock, StoredRows
from daguerre.types.jobs import Job

Vectors: TypeAlias = Embeddings | StoredItems | BlockingItems | NDArray[np.floating[Any]]
Grid: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class RepresentationMethods(Session):
    """Comparisons of representations."""

    async def compare_representations(
        self,
        pairs: Pairs | Sequence[tuple[int, int]],
        same: Sequence[bool | int | None],
        representations: Mapping[str, Vectors],
        *,
        grid: Grid | None = None,
        cosines_only: bool = False,
        unclustered: Literal["singletons", "exclude"] | None = None,
        held_out: float | None = None,
        resamples: int | None = None,
        confidence: float | None = None,
        seed: int = 0,
        progress: bool | None = None,
        wait: bool = True,
    ) -> Representations | Job:
        """Compare representations, and clusterings of them, by pairs that people have coded.

        Parameters
        ----------
        pairs : a result of `draw_pairs`; or indexes of items, all pairs with the same probability.
        same : for each pair, whether people put the two together; None if it is not coded.
        representations : vectors of the same items by several encoders, by name: results of `embed`, whose ids may be
            in any order, or arrays (n, d). `client.embed(images, model="colour-histogram")` gives a baseline that knows
            nothing of content.
        grid : clustering parameters, as of `cluster`, each a value or a list of values, of which all combinations are
            tried on each representation: {"method": "kmeans", "k": [10, 20]}, or a list of such mappings. None:
            iterative-kmeans, kmeans and hdbscan with their defaults.
        cosines_only : compare the cosines of pairs alone, without a clustering.
        unclustered, held_out, resamples, confidence, seed : as for `compare`.
        wait : whether to wait for the comparison; otherwise the job is returned, and
            `compared_representations(job.id)` has it later.

        Returns
        -------
        Representations : `.representations` with the AUC of the cosine, `.configurations` with precision, recall and
        F1, the best first; `.winner`, `.remarks`, `.to_pandas()`, `.report("representations.html")`. Job if `wait` is
        False.

        Raises
        ------
        JobFailedError, DaguerreError : any subclass in daguerre.errors.
        ValueError : the representations are not of the same items, or the pairs of other items.

        Examples
        --------
        >>> grid = [{"method": "kmeans", "k": [10, 20, 40]}, {"method": "hdbscan"}]
        >>> client.compare_representations(pairs, same, {"embedded": X, "clip": Y}, grid=grid).to_pandas()
        """
        if isinstance(representations, Mapping):
            representations = {name: await items_stored(each) for name, each in representations.items()}
        ids, blocks = _aligned(representations)
        are_stored = any(isinstance(block.rows, StoredRows) for block in blocks)
        coded, without = coded_pairs(pairs, _ends(pairs, ids), same)
        fields: dict[str, Any] = {
            **coded,
            "ids": ids if are_stored else None,
            "grid": None if grid is None else combinations(grid),
            "cosines_only": cosines_only,
            "unclustered": unclustered or (pairs.unclustered if isinstance(pairs, Pairs) else None),
            "held_out": held_out,
            "resamples": resamples,
            "confidence": confidence,
            "seed": seed,
        }
        begun = await with_uploads(
            self.transport,
            blocks,
            lambda sent: self.transport.call(COMPARE_REPRESENTATIONS, fields, vectors=sent),
            retry_for=self.limits.retry_for,
        )
        if not wait:
            return begun
        ended = await self.wait(begun.id, progress=progress, what="compare")
        return await self._compared(ended.id, without)

    async def compared_representations(self, id: str) -> Representations:
        """Get an earlier comparison of representations by the id of its job. Raises NotFoundError.

        Examples
        --------
        >>> client.compared_representations(job.id).report("representations.html")
        """
        return await self._compared(id, 0)

    async def _compared(self, id: str, left_out: int) -> Representations:
        answer = await self.ask(REPRESENTATIONS, {"id": id})
        if answer["unusable"]:
            self.warn(next(each for each in answer["remarks"] if "left out" in each))
        return Representations.of(answer, await self.ask(REPRESENTATIONS_PAGE, {"id": id}), left_out)


def combinations(grid: Grid) -> list[dict[str, Any]]:
    """All combinations of the values of each mapping. Raises ValueError for a grid without any."""
    found = []
    for each in [grid] if isinstance(grid, Mapping) else list(grid):
        if not isinstance(each, Mapping):
            raise TypeError(f"grid: got {each!r:.60}; give a mapping from parameters to values, or a list of these")
        lists = {name: list(value) if _is_list(value) else [value] for name, value in each.items()}
        if empty := [name for name, values in lists.items() if not values]:
            raise ValueError(f"grid: {empty[0]} has an empty list of values; give one value or more, or leave it out")
        found += [
            {name: json_value(value) for name, value in zip(lists, values, strict=True)}
            for values in product(*lists.values())
        ]
    if not found:
        raise ValueError("grid: is empty; give combinations, or cosines_only=True for no clustering")
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence | np.ndarray | range) and not isinstance(value, str)


def _aligned(given: Mapping[str, Vectors]) -> tuple[list[str] | None, list[NamedBlock]]:
    """The ids of the items, None where only arrays are given, and the vectors in their order. Raises ValueError."""
    if not isinstance(given, Mapping) or not given:
        raise ValueError('representations: give vectors by name: {"embedded": X, "clip": Y}')
    ids: list[str] | None = None
    of = ""
    blocks: list[NamedBlock] = []
    for place, (name, each) in enumerate(given.items()):
        if isinstance(each, Embeddings):
            if ids is None:
                ids, of = list(each.ids), name
            block = _named(place, name, each, _in_order(each.vectors, each.ids, ids, name, of))
        else:
            rows = np.asarray(each)
            if rows.ndim != 2 or rows.dtype.kind != "f":
                raise ValueError(
                    f"representations: {name!r} has {rows.dtype} {rows.shape}; give embeddings, or an array of floats "
                    "(items, dimension)"
                )
            block = _named(place, name, None, rows.astype(np.float32, copy=False))
        if blocks and len(block.rows) != len(blocks[0].rows):
            raise ValueError(
                f"representations: {name!r} has {len(block.rows):,} items, {blocks[0].name!r} "
                f"{len(blocks[0].rows):,}; give vectors of the same items"
            )
        blocks.append(block)
    return ids, blocks


def _in_order(
    rows: Float | StoredRows, own: Sequence[str], ids: Sequence[str], name: str, of: str
) -> Float | StoredRows:
    """The rows of items `own` in the order of `ids`."""
    if list(own) == list(ids):
        return rows
    place = {id: i for i, id in enumerate(own)}
    missing = [id for id in ids if id not in place]
    if missing or len(own) != len(ids) or len(place) != len(own):
        first = f"; {missing[0]!r} is the first that it lacks" if missing else ""
        raise ValueError(
            f"representations: {name!r} has {len(own):,} items and {of!r} {len(ids):,}, with other ids{first}; give "
            "vectors of the same items"
        )
    return rows[[place[id] for id in ids]]


def _named(place: int, name: str, made: Embeddings | None, rows: Float | StoredRows) -> NamedBlock:
    return NamedBlock(
        place=place,
        name=name,
        modality=(made.modality if made is not None else None) or "image",
        model="" if made is None else made.model,
        fingerprint="" if made is None else made.fingerprint,
        rows=rows if isinstance(rows, StoredRows) else np.ascontiguousarray(rows),
        receipt=NO_MODEL if made is None else made.receipt,
    )


def _ends(pairs: Pairs | Sequence[tuple[int, int]], ids: Sequence[str] | None) -> NDArray[np.int64]:
    """The items of each pair (p, 2), by their ids where both have ids. Raises ValueError."""
    if ids is None or not isinstance(pairs, Pairs):
        return pair_ends(pairs)
    place = {id: i for i, id in enumerate(ids)}
    unknown = [id for id in (*pairs.a_ids, *pairs.b_ids) if id not in place]
    if unknown:
        raise ValueError(
            f"pairs: {unknown[0]!r} is the id of no item of the representations; embed the items that the pairs were "
            "drawn from, with the same ids"
        )
    return np.array([[place[a], place[b]] for a, b in zip(pairs.a_ids, pairs.b_ids, strict=True)], np.int64)
