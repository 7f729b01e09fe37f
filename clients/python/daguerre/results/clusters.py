"""Result of a clustering: a cluster for each item, and a description of each cluster."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import DaguerreError, ItemError
from daguerre.inputs.files import require_folder
from daguerre.results.base import Errors, ItemResults, import_pandas
from daguerre.results.hierarchy import Hierarchy
from daguerre.results.notebook import PICTURES, Gallery
from daguerre.results.plots import map_plot
from daguerre.types.common import Float, Receipt, receipt, record
from daguerre.version import __version__

if TYPE_CHECKING:
    import pandas as pd


C = TypeVar("C", bound="Clustered")
Kind = Literal["nearest", "random", "farthest"]
SHOWN = 8  # sizes in a repr


@dataclass(frozen=True, kw_only=True)
class ClusterName:
    """A suggested name.

    Attributes
    ----------
    score : mean zero-shot probability of the items; class-based TF-IDF of a word of the texts.
    cosine : mean cosine of the items with the name; None for a word of the texts.
    """

    label: str
    score: float
    cosine: float | None = None


@dataclass(frozen=True, kw_only=True)
class SimilarCluster:
    """A cluster that is hard to distinguish from this one: at distance 1 the two may be one."""

    cluster: int
    cosine: float
    distance: float | None = None


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One cluster. Items are indexes into the result.

    Attributes
    ----------
    silhouette : mean at extraction, against what was left then; silhouette_final : within the whole result.
    taken_in : the pass that took it, from 1.
    medoid : the item nearest to the mean.
    exemplars : up to nine items each, `nearest` to the mean, at `random`, and `farthest` from it.
    names : suggested names, the likeliest first; None without a source (`Clusters.names_from`).
    similar : clusters that it may be merged with.
    jaccard : cluster-wise Jaccard coefficient: overlap with the most similar cluster of a rerun, mean over the reruns.
        Below 0.6 the cluster should not be trusted (Hennig 2007). None where it was not measured.
    """

    id: int
    size: int
    silhouette: float | None
    silhouette_final: float | None
    taken_in: int
    medoid: int
    exemplars: Mapping[str, tuple[int, ...]]
    names: tuple[ClusterName, ...] | None
    similar: tuple[SimilarCluster, ...]
    jaccard: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Clustered(ItemResults):
    """Items in clusters.

    Attributes
    ----------
    labels : (n,) int, the cluster of each item; -1: in none, or without a result (`.errors` has those).
    silhouettes, silhouettes_final : (n,) float32, at extraction and within the whole result; NaN of items in none.
    ids : paths of files below the folder that was given, or your ids.
    clusters : a Cluster for each number.
    trace : each pass: the K's that were tried, their scores, what it took.
    params : every parameter that the method looked at, defaults too.
    remarks, notes : warnings about the result, and interpretations of the method's source.
    thresholds : what other thresholds would have taken in the first pass.
    stability : adjusted Rand index of reruns with this one; None for fewer than 10 items, or with `resamples=0`.
    names_from : source of the suggested names: vocabulary, texts or built-in vocabulary; None without names.
    hierarchy : tree of the items (agglomerative) or of the clusters; None for fewer than two clusters.
    comparison : with `known` labels: ARI, NMI, purity.
    coordinates : (n, 2) float32 of a map, NaN of items without a result; None without a projection.
    receipt : model, settings and versions of the vectors; None if not known.
    answer : as the server gave it, about the items that were `sent` to it, by index.
    files : where items lie on this machine.
    modality : image, text or image+text; None where that is not known.
    """

    id: str = field(kw_only=True)
    method: str = field(kw_only=True)
    labels: NDArray[np.int64] = field(kw_only=True)
    silhouettes: Float = field(kw_only=True)
    silhouettes_final: Float = field(kw_only=True)
    clusters: tuple[Cluster, ...] = field(kw_only=True)
    coordinates: Float | None = field(kw_only=True)
    receipt: Receipt | None = field(kw_only=True)
    sent: NDArray[np.int64] = field(kw_only=True)
    modality: str | None = field(kw_only=True)
    answer: Mapping[str, Any] = field(kw_only=True)

    @classmethod
    def of(
        cls: type[C],
        answer: Mapping[str, Any],
        *,
        ids: Sequence[str] | None = None,
        files: Sequence[str] | None = None,
        sent: Sequence[int] | NDArray[np.int64] | None = None,
        errors: Sequence[ItemError] = (),
        modality: str | None = None,
        **rest: Any,
    ) -> C:
        """Build the result from the answer about the items `sent` of all that were given."""
        every = list(answer["ids"] if ids is None else ids)
        n = len(every)
        place = np.arange(n) if sent is None else np.asarray(sent, np.int64)
        failed = {error.index: error for error in errors}
        for each in answer["unusable"]:
            i = int(place[each["index"]])
            failed[i] = ItemError(i, every[i], each["error"]["code"], each["error"]["message"])
        labels = np.full(n, -1, np.int64)
        labels[place] = answer["labels"]
        coordinates = None
        if answer["coordinates"] is not None:
            coordinates = np.full((n, 2), np.nan, np.float32)
            coordinates[place] = answer["coordinates"]
            coordinates[list(failed)] = np.nan
        facts = answer["receipt"] or {}
        return cls(
            ids=every,
            errors=Errors([failed[i] for i in sorted(failed)]),
            id=answer["id"],
            method=answer["method"],
            labels=labels,
            silhouettes=_numbers(answer["silhouettes"], place, n),
            silhouettes_final=_numbers(answer["silhouettes_final"], place, n),
            clusters=tuple(_cluster(each, place.tolist()) for each in answer["clusters"]),
            coordinates=coordinates,
            receipt=receipt(facts) if "revision" in facts else None,
            files=every if files is None else list(files),
            sent=place,
            modality=modality,
            answer=answer,
            **rest,
        )

    @property
    def trace(self) -> list[dict[str, Any]]:
        """Each pass: the K's that were tried, their scores, what it took."""
        return cast("list[dict[str, Any]]", self.answer["trace"])

    @property
    def params(self) -> dict[str, Any]:
        """All parameters of the method, with defaults."""
        return cast("dict[str, Any]", self.answer["params"])

    @property
    def remarks(self) -> list[str]:
        """Warnings about the result."""
        return cast("list[str]", self.answer["remarks"])

    @property
    def notes(self) -> list[str]:
        """Interpretations of the method's source."""
        return cast("list[str]", self.answer["notes"])

    @property
    def thresholds(self) -> list[dict[str, Any]] | None:
        """Clusters and items that other thresholds would have kept in the first pass."""
        return cast("list[dict[str, Any]] | None", self.answer["thresholds"])

    @property
    def stability(self) -> dict[str, Any] | None:
        """Adjusted Rand index between reruns and this result."""
        return cast("dict[str, Any] | None", self.answer["stability"])

    @property
    def names_from(self) -> str | None:
        """Source of the suggested names: vocabulary, texts or built-in vocabulary."""
        return cast("str | None", self.answer.get("names_from"))

    @cached_property
    def hierarchy(self) -> Hierarchy | None:
        """Tree of the items (agglomerative) or of the clusters."""
        answer = self.answer.get("hierarchy")
        if answer is None:
            return None
        leaves = np.asarray(answer["leaves"], np.int64)
        return Hierarchy(
            of=answer["of"],
            metric=answer["metric"],
            method=answer["method"],
            leaves=self.sent[leaves] if answer["of"] == "items" else leaves,
            linkage=np.asarray(answer["linkage"], np.float64).reshape(-1, 4),
        )

    def _at(self, places: NDArray[np.int64]) -> NoReturn:
        raise TypeError(
            "a clustering is of all its items, and has no part of its own; select the vectors and cluster them, as in "
            "client.cluster(embeddings=X.select(ids)), or rows of the table, as in C.to_pandas().loc[ids]"
        )

    def cut(self, clusters: int | float | None = None, *, distance: float | None = None) -> NDArray[np.int64]:
        """Cut the hierarchy at another place.

        Parameters
        ----------
        clusters : number of clusters, an int; fewer where items are identical. A float is a distance.
        distance : clusters nearer to each other than this are merged, in the units of `hierarchy.linkage`.

        Returns
        -------
        (n,) int64 : cluster of each item, the largest as 0; -1 for items in none.

        Raises
        ------
        ValueError : there is no hierarchy, more clusters are asked for than it has leaves, or both are given.

        Examples
        --------
        >>> C = client.cluster(images="photos/", method="agglomerative", k=10)
        >>> labels = C.cut(5)
        """
        if self.hierarchy is None:
            raise ValueError("cut: the clustering has no hierarchy, which needs two clusters; cluster again")
        if isinstance(clusters, float):
            if distance is not None:
                raise ValueError("cut: give either a number of clusters or a distance")
            group = self.hierarchy.cut(None, clusters)
        else:
            group = self.hierarchy.cut(clusters, distance)
        labels = np.full(len(self.ids), -1, np.int64)
        if self.hierarchy.of == "items":
            labels[self.hierarchy.leaves] = group
        else:
            labels = np.where(self.labels < 0, -1, group[self.labels])
        used, size = np.unique(labels[labels >= 0], return_counts=True)
        rank = np.empty(len(group) + 1, np.int64)
        rank[used[np.argsort(-size, kind="stable")]] = np.arange(len(used))
        rank[-1] = -1
        return rank[labels]

    @property
    def comparison(self) -> dict[str, Any] | None:
        """ARI, NMI and purity against the known labels."""
        return cast("dict[str, Any] | None", self.answer["comparison"])

    @property
    def ended(self) -> str:
        """Reason why the method stopped."""
        return str(self.answer["ended"])

    @property
    def model(self) -> str:
        """Name of the model of the vectors."""
        return str(self.answer["model"])

    @property
    def fingerprint(self) -> str | None:
        """Fingerprint of the vectors."""
        return (self.answer["receipt"] or {}).get("fingerprint")

    @property
    def unclustered(self) -> int:
        """Number of items with a result that are in no cluster."""
        return int(((self.labels < 0) & self.ok).sum())

    def exemplars(self, cluster: int, kind: Kind = "nearest") -> list[str]:
        """Ids of up to nine items of a cluster: the medoid and those nearest to the mean, others, or the farthest.

        Raises
        ------
        ValueError : there is no such cluster or kind.
        """
        chosen = next((each for each in self.clusters if each.id == cluster), None)
        if chosen is None:
            raise ValueError(f"cluster: got {cluster}, there are 0 to {len(self.clusters) - 1}; -1 is none")
        if kind not in chosen.exemplars:
            raise ValueError(f"kind: got {kind!r}, there are {', '.join(chosen.exemplars)}")
        return [self.ids[i] for i in chosen.exemplars[kind]]

    def to_pandas(self) -> "pd.DataFrame":
        """Table by id: cluster, silhouette, silhouette_final, pass, error (a code); x and y where there is a map."""
        pandas = import_pandas()
        columns = {
            "cluster": self.labels,
            "silhouette": self.silhouettes,
            "silhouette_final": self.silhouettes_final,
            "pass": pandas.array([each if each else None for each in self.passes], dtype="Int64"),
            "error": self.codes,
        }
        if self.coordinates is not None:
            columns |= {"x": self.coordinates[:, 0], "y": self.coordinates[:, 1]}
        return cast("pd.DataFrame", pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id")))

    def plot(self, ax: Any = None) -> Any:
        """Draw the map of the items with matplotlib, on `ax` or new axes, which are returned. Raises ValueError."""
        if self.coordinates is None:
            raise ValueError('plot: the clustering has no map; cluster with projection="pca"')
        named = {each.id: each.names[0].label if each.names else str(each.id) for each in self.clusters}
        return map_plot(self.coordinates, self.labels, named, ax)

    def _gallery(self) -> Gallery:
        each = max(1, PICTURES // max(len(self.clusters), 1))
        for cluster in self.clusters if self.has_files and self.modality != "text" else ():
            for i in cluster.exemplars.get("nearest", ())[:each]:
                yield self.files[i], f"cluster {cluster.id}: {self.ids[i]}"

    def _table(self) -> Any:
        rows = [
            (each.id, each.size, each.silhouette_final, ", ".join(name.label for name in each.names or ()))
            for each in self.clusters
        ]
        return import_pandas().DataFrame(rows, columns=["cluster", "size", "silhouette", "names"])

    @property
    def passes(self) -> list[int | None]:
        """Pass in which each item was clustered; None for items in no cluster."""
        taken = {each.id: each.taken_in for each in self.clusters}
        return [taken.get(label) for label in self.labels.tolist()]

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write everything as JSON, for `Clusters.load`."""
        require_folder(path)
        saved = {
            "daguerre": __version__,
            "kind": "clusters",
            "ids": self.ids,
            "files": self.files,
            "sent": self.sent.tolist(),
            "errors": [asdict(error) for error in self.errors],
            "modality": self.modality,
            "answer": self.answer,
        }
        Path(path).write_text(json.dumps(saved), encoding="utf-8")

    def __repr__(self) -> str:
        sizes = sorted((each.size for each in self.clusters), reverse=True)
        known = [each.silhouette_final for each in self.clusters if each.silhouette_final is not None]
        second = (
            ["sizes " + ", ".join(map(str, sizes[:SHOWN])) + (", …" if len(sizes) > SHOWN else "")] if sizes else []
        )
        second += [f"mean silhouette of clusters {np.mean(known):.2f}"] if known else []
        second += [f"{len(self.remarks)} warnings: .remarks"] if self.remarks else []
        failed = f", {len(self.errors)} without a result" if self.errors else ""
        what = f"{len(self):,} items in {len(sizes)} clusters, {self.unclustered:,} in none{failed}"
        kind = type(self).__name__
        return f"<{kind}: {what}; {self.method}, {self.model} {(self.fingerprint or '')[:12]}\n  {'; '.join(second)}>"


def read_clusters(path: "str | os.PathLike[str]") -> dict[str, Any]:
    """Read the arguments of `Clustered.of` from a file of `save`."""
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
        if saved["kind"] != "clusters":
            raise KeyError("kind")
        arguments = {name: saved[name] for name in ("answer", "ids", "files", "sent", "modality")}
        return {**arguments, "errors": [ItemError(**error) for error in saved["errors"]]}
    except (ValueError, KeyError, TypeError) as exc:
        raise DaguerreError(
            f"{os.fspath(path)} was not written by Clusters.save; name another file", code="foreign_file"
        ) from exc


def _numbers(values: Sequence[float | None], place: NDArray[np.int64], n: int) -> Float:
    every = np.full(n, np.nan, np.float32)
    every[place] = [np.nan if value is None else value for value in values]
    return every


def _cluster(answer: Mapping[str, Any], place: Sequence[int]) -> Cluster:
    return Cluster(
        **{name: answer[name] for name in ("id", "size", "silhouette", "silhouette_final")},
        taken_in=answer["pass"],
        medoid=place[answer["medoid"]],
        exemplars={kind: tuple(place[i] for i in items) for kind, items in answer["exemplars"].items()},
        names=None if answer["names"] is None else tuple(record(ClusterName, each) for each in answer["names"]),
        similar=tuple(record(SimilarCluster, each) for each in answer["similar"]),
        jaccard=answer.get("jaccard"),
    )
