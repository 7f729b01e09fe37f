"""What commands read: tables in UTF-8, clusters of items in them, and vectors that were kept."""

import csv
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from daguerre import Client
from daguerre.cli.group import Settings
from daguerre.cli.options import LONGEST_CELL
from daguerre.errors import ItemError
from daguerre.inputs.files import walk
from daguerre.results.base import Errors
from daguerre.results.embeddings import Embeddings
from daguerre.types.common import Decode, Receipt, receipt

VECTORS = (".parquet", ".npz", ".npy")


@dataclass(frozen=True)
class Table:
    """Rows of text, by column."""

    path: str
    names: Sequence[str]
    rows: Sequence[Mapping[str, str]]

    def column(self, name: str) -> list[str]:
        """Raises click.UsageError where there is none."""
        if name not in self.names:
            raise click.UsageError(f"{self.path}: needs a column {name!r}; it has {', '.join(self.names)}")
        return [row[name] for row in self.rows]

    def whole(self, name: str) -> list[int]:
        """A column of whole numbers. Raises click.UsageError."""
        try:
            return [int(value) for value in self.column(name)]
        except ValueError as exc:
            raise click.UsageError(f"{self.path}: column {name}: {exc}; it has whole numbers") from exc


def read_table(path: str) -> Table:
    """A .csv, or a .tsv. Raises click.UsageError."""
    csv.field_size_limit(LONGEST_CELL)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t" if path.lower().endswith(".tsv") else ",", strict=True)
            names = list(rows.fieldnames or ())
            found = [{name: (row[name] or "").strip() for name in names} for row in rows]
    except FileNotFoundError as exc:
        raise click.UsageError(f"{path}: there is no such file") from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise click.UsageError(f"{path} is no table in UTF-8: {exc}") from exc
    if not found:
        raise click.UsageError(f"{path}: has no rows")
    return Table(path, names, found)


def read_clusters(path: str, column: str = "cluster") -> dict[str, str]:
    """Cluster by id, of `daguerre cluster`; rows with an error are left out. Raises click.UsageError."""
    table = read_table(path)
    failed = table.column("error") if "error" in table.names else [""] * len(table.rows)
    found: dict[str, str] = {}
    for id, label, error in zip(table.column("id"), table.column(column), failed, strict=True):
        if id in found:
            raise click.UsageError(f"{path}: id {id!r} is there twice; give each item one row")
        if not error:
            found[id] = label
    return found


def read_clusterings(settings: Settings, given: Sequence[str]) -> tuple[list[str], dict[str, NDArray[np.int64]]]:
    """Ids, and the cluster of each in every table, "name=clusters.csv" or "clusters.csv". Raises click.UsageError.

    Items that are not in all of them are left out, which is said.
    """
    found: dict[str, dict[str, str]] = {}
    for each in given:
        name, equals, path = each.partition("=")
        if not equals or (Path(each).exists() and not Path(path).exists()):
            name, path = Path(each).stem, each
        if name in found:
            raise click.UsageError(f"{each}: {name!r} is there already; call it otherwise, name=clusters.csv")
        found[name] = read_clusters(path)
    first = next(iter(found))
    ids = [id for id in found[first] if all(id in labels for labels in found.values())]
    if not ids:
        raise click.UsageError(f"{', '.join(given)}: have no id in common; cluster the same items")
    if left := len(set().union(*found.values())) - len(ids):
        settings.say(f"{left:,} items are left out: they are not in all tables")
    every = {}
    for name, labels in found.items():
        try:
            every[name] = np.array([int(labels[id]) for id in ids], np.int64)
        except ValueError as exc:
            raise click.UsageError(f"{name}: column cluster: {exc}; a cluster is a number, -1 for none") from exc
    return ids, every


def read_vectors(client: Client, path: str, *, model: str | None, decode: Decode | None) -> Embeddings:
    """Vectors that were kept: a .parquet or .npz of `daguerre embed`, or a .npy, whose model has to be named."""
    kind = Path(path).suffix.lower()
    if kind == ".parquet":
        return Embeddings.read_parquet(path)
    if kind == ".npz":
        with np.load(path, allow_pickle=False) as saved:
            if not {"ids", "vectors", "receipt"} <= set(saved.files):
                raise click.UsageError(f"{path}: was not written by daguerre embed; it has {', '.join(saved.files)}")
            ids, made = [str(id) for id in saved["ids"]], receipt(json.loads(str(saved["receipt"])))
            return _embeddings(saved["vectors"], ids, made)
    if model is None:
        raise click.UsageError(f"{path}: a .npy does not say what made it; name the model with --model")
    vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    card = client.run(client.asynchronous.card(model))
    if vectors.ndim != 2 or vectors.shape[1] != card.dimension:
        raise click.UsageError(
            f"{path}: an array of {vectors.shape}; {card.id} has vectors of {card.dimension} numbers"
        )
    return _embeddings(vectors, [str(i) for i in range(len(vectors))], card.receipt(decode))


def _embeddings(vectors: NDArray[np.floating], ids: list[str], made: Receipt) -> Embeddings:
    rows = np.asarray(vectors, np.float32)
    failed = np.flatnonzero(np.isnan(rows[:, 0])).tolist()
    errors = [ItemError(i, ids[i], "no_vector", "had no vector when it was embedded") for i in failed]
    return Embeddings(ids=ids, errors=Errors(errors), receipt=made, truncated=[], vectors=rows)


def read_coded_folder(folder: str) -> dict[str, Any]:
    """Items of train/CLASS/… and test/CLASS/…; a folder of classes alone is all train."""
    splits = [split for split in ("train", "test") if os.path.isdir(os.path.join(folder, split))] or [""]
    images: list[str] = []
    targets: list[str] = []
    split_of: list[str] = []
    for split in splits:
        root = os.path.join(folder, split) if split else folder
        for label in sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and entry.name[0] != "."):
            found = list(walk(os.path.join(root, label)))
            images += found
            targets += [label] * len(found)
            split_of += [split or "train"] * len(found)
    if not images:
        raise click.UsageError(f"--folder: no image lies in a folder of {folder}, as train/CLASS/image.jpg would")
    return {"images": images, "targets": targets, "split": split_of if "test" in split_of else None}


def read_coded_table(path: str, image: str, text: str, target: str) -> dict[str, Any]:
    """Items of a table; a row per item, or per item and coder."""
    csv.field_size_limit(LONGEST_CELL)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t" if path.lower().endswith(".tsv") else ",", strict=True)
            names = list(rows.fieldnames or ())
            found = list(rows)
    except (UnicodeDecodeError, csv.Error) as exc:
        raise click.UsageError(f"{path} is no table in UTF-8: {exc}") from exc
    if target not in names or not {image, text} & set(names):
        raise click.UsageError(f"{path}: needs {target!r}, and {image!r} or {text!r}; it has {', '.join(names)}")
    if not found:
        raise click.UsageError(f"{path}: has no rows")
    codes = None
    if "coder" in names:
        key = "id" if "id" in names else image if image in names else text
        codes = [(row["coder"], row[key], row[target] or None) for row in found]
        first: dict[str, dict[str, str]] = {}
        for row in found:
            first.setdefault(row[key], row)
        found = list(first.values())
    columns: dict[str, list[str]] = defaultdict(list)
    for row in found:
        for name in names:
            columns[name].append((row[name] or "").strip())
    here = Path(path).parent
    given: dict[str, Any] = {}
    if image in names:
        if not all(columns[image]):
            raise click.UsageError(f"{path}: {columns[image].count('')} rows have no {image}; leave them out")
        given["images"] = [str(here / each) for each in columns[image]]
        if codes is not None and "id" not in names:
            codes = [(coder, str(here / item), code) for coder, item, code in codes]
    if text in names:
        given["texts"] = [each or None for each in columns[text]]
    if codes is None:
        given["targets"] = [each or None for each in columns[target]]
    else:
        given["codes"] = codes
    if "id" in names:
        given["ids"] = columns["id"]
    elif image not in names and codes is not None:
        given["ids"] = columns[text]
    for column, argument in (("group", "groups"), ("split", "split")):
        if column in names:
            given[argument] = columns[column]
    for column, argument in (("weight", "sample_weight"), ("inclusion_prob", "inclusion_prob")):
        if column in names:
            try:
                given[argument] = [float(each) for each in columns[column]]
            except ValueError as exc:
                raise click.UsageError(f"{path}: column {column}: {exc}") from exc
    return given


def codes_to_numbers(given: dict[str, Any]) -> None:
    try:
        if "targets" in given:
            given["targets"] = [None if each is None else float(each) for each in given["targets"]]
        else:
            given["codes"] = [(c, i, None if each is None else float(each)) for c, i, each in given["codes"]]
    except ValueError as exc:
        raise click.UsageError(f"--task continuous: {exc}; a continuous target is a number") from exc
