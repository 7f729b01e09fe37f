"""The operations of a run: each asks a server about a batch of pictures, and makes tables of its answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from daguerre.async_client import AsyncClient
from daguerre.corpus.analyses import made_by_json
from daguerre.corpus.analysis_store import KEY as ANALYSERS_KEY
from daguerre.corpus.analysis_store import PICTURE, TYPES, picture_row
from daguerre.dispatch.collect import OnError
from daguerre.results.analyses import FINDING, Analyses, finding_rows
from daguerre.results.base import ItemResults
from daguerre.storage.parquet import KEY, Row, arrow, batch
from daguerre.types.common import receipt

ITEM = ("id", "sha256", "size", "mtime_ns")
ERROR = ("error_code", "error_message")
COLLECT: OnError = "collect"
Tables = dict[str, Any]  # by kind


@dataclass
class Item:
    """A picture: its file as it was read, or why it could not be."""

    id: str
    data: bytes | None = None
    sha256: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    error_code: str | None = None
    error_message: str | None = None


class Operation(Protocol):
    """An operation with its options; it is sent to each actor.

    Attributes
    ----------
    kinds : subfolders of the output, the one with a row for each item last.
    model : default model of the client.
    """

    name: ClassVar[str]
    kinds: ClassVar[Sequence[str]]

    @property
    def model(self) -> str | None: ...

    async def describe(self, client: AsyncClient) -> dict[str, Any]:
        """The facts that go into the receipt of the folder: `operation`, `fingerprint`, `options` and others."""
        ...

    async def ask(self, client: AsyncClient, items: Sequence[Item], facts: Mapping[str, Any]) -> Tables:
        """The rows of some items, by kind, with an error for each that has no result."""
        ...


def _images(items: Sequence[Item]) -> dict[str, bytes]:
    return {item.id: item.data for item in items if item.data is not None}


def _take_errors(items: Sequence[Item], results: ItemResults) -> None:
    """Note the errors of an answer at their items."""
    by_id = {item.id: item for item in items}
    for error in results.errors:
        by_id[error.id].error_code, by_id[error.id].error_message = error.code, error.message


@dataclass(frozen=True)
class Embed:
    """Embeddings."""

    name: ClassVar[str] = "embed_corpus"
    kinds: ClassVar[Sequence[str]] = ("",)
    model: str | None = None
    decode: Any = None

    async def describe(self, client: AsyncClient) -> dict[str, Any]:
        card = await client.card(self.model)
        return {
            **asdict(card.receipt(self.decode)),
            "operation": self.name,
            "options": {},
            "dimension": card.dimension,
        }

    async def ask(self, client: AsyncClient, items: Sequence[Item], facts: Mapping[str, Any]) -> Tables:
        vectors = np.full((len(items), facts["dimension"]), np.nan, np.float32)
        made_by = receipt({name: facts[name] for name in receipt_names(facts)})
        remarks: dict[str, str | None] = {}
        if images := _images(items):
            made = await client.embed(
                images, decode=self.decode, fingerprint=facts["fingerprint"], on_error=COLLECT, progress=False
            )
            _take_errors(items, made)
            places = [i for i, item in enumerate(items) if item.data is not None]
            vectors[places] = made.vectors
            made_by = made.receipt
            remarks = dict(zip(made.ids, made.remarks, strict=True))
        rows = [
            Row(each.id, each.sha256, each.size, each.mtime_ns, *_error(each), remark=remarks.get(each.id))
            for each in items
        ]
        return {"": arrow().Table.from_batches([batch(rows, vectors, made_by, "image")])}


def receipt_names(facts: Mapping[str, Any]) -> list[str]:
    """The names of the fields of a receipt among facts."""
    own = ("operation", "options", "dimension", "labels", "about")
    return [name for name in facts if name not in own]


def _error(item: Item) -> tuple[str | None, str | None]:
    return item.error_code, item.error_message


@dataclass(frozen=True)
class ZeroShot:
    """Scores for labels."""

    name: ClassVar[str] = "zero_shot"
    kinds: ClassVar[Sequence[str]] = ("",)
    options: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    decode: Any = None

    async def describe(self, client: AsyncClient) -> dict[str, Any]:
        made_by = (await client.card(self.model)).receipt(self.decode)
        facts = {**asdict(made_by), "operation": self.name, "options": _plain(self.options)}
        if name := self.options.get("preset"):
            facts["about"] = next((each.notice for each in await client.presets() if each.name == name), None)
        return facts

    async def ask(self, client: AsyncClient, items: Sequence[Item], facts: Mapping[str, Any]) -> Tables:
        made = None
        if images := _images(items):
            made = await client.zero_shot(images, decode=self.decode, on_error=COLLECT, progress=False, **self.options)
            _take_errors(items, made)
        origin = {name: facts[name] for name in ("model", "revision", "fingerprint")}
        return {"": _scored(items, made, origin, facts)}


@dataclass(frozen=True)
class Predict:
    """Predictions of a trained classifier."""

    name: ClassVar[str] = "predict"
    kinds: ClassVar[Sequence[str]] = ("",)
    classifier: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None

    async def describe(self, client: AsyncClient) -> dict[str, Any]:
        found = await client.classifier(self.classifier)
        if "image" not in found.modalities:
            raise ValueError(f"classifier: {found.id} takes {found.modalities[0]}s, no images; name one that does")
        encoders = {each["modality"]: each for each in found.card["encoders"]}  # none of a network of its own
        made_by = encoders.get("image", {"model": found.id, "fingerprint": found.id})
        return {
            "operation": self.name,
            "options": {**_plain(self.options), "classifier": found.id},
            "fingerprint": made_by["fingerprint"],
            "model": made_by["model"],
        }

    async def ask(self, client: AsyncClient, items: Sequence[Item], facts: Mapping[str, Any]) -> Tables:
        made = None
        if images := _images(items):
            classifier = await client.classifier(facts["options"]["classifier"])
            made = await classifier.predict(images, on_error=COLLECT, progress=False, **self.options)
            _take_errors(items, made)
        origin = {"classifier": facts["options"]["classifier"], "fingerprint": facts["fingerprint"]}
        return {"": _scored(items, made, origin, facts)}


@dataclass(frozen=True)
class Analyse:
    """Findings of analysers: a table of findings, and one with a row for each picture."""

    name: ClassVar[str] = "analyse"
    kinds: ClassVar[Sequence[str]] = ("findings", "pictures")
    analysers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    model: str | None = None

    async def describe(self, client: AsyncClient) -> dict[str, Any]:
        made_by = json.loads(await made_by_json(client, self.analysers))
        fingerprints = {kind: each["fingerprint"] for kind, each in made_by.items()}
        return {"operation": self.name, "options": made_by, "fingerprint": fingerprints}

    async def ask(self, client: AsyncClient, items: Sequence[Item], facts: Mapping[str, Any]) -> Tables:
        entries: dict[str, Any] = {}
        if images := _images(items):
            made: Analyses = await client.analyse(images, self.analysers, on_error=COLLECT, progress=False)
            _take_errors(items, made)
            entries = dict(zip(made.ids, made.entries, strict=True))
        findings = [row for item in items for row in finding_rows(item.id, entries.get(item.id))]
        pictures = [picture_row({**asdict(item), "entry": entries.get(item.id)}) for item in items]
        metadata = {ANALYSERS_KEY: json.dumps(facts["options"], sort_keys=True).encode()}
        return {
            "findings": _typed(findings, FINDING).replace_schema_metadata(metadata),
            "pictures": _typed(pictures, PICTURE).replace_schema_metadata(metadata),
        }


def _typed(rows: Sequence[Mapping[str, Any]], first: Sequence[str]) -> Any:
    """Rows as a table with the columns that files of analyses have."""
    pa = arrow()
    names = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
    columns = {
        name: pa.array([row.get(name) for row in rows], getattr(pa, TYPES.get(name, "float64"))()) for name in names
    }
    return pa.table(columns)


def _scored(items: Sequence[Item], made: Any, origin: Mapping[str, str], facts: Mapping[str, Any]) -> Any:
    """A table with the columns of an item, those of a result's own table, and the origin."""
    pa = arrow()
    columns = {name: pa.array([getattr(item, name) for item in items], _kind(name)) for name in ITEM}
    last = ("remark", *ERROR, *origin)
    remarks = pa.nulls(len(items), pa.string())
    if made is not None:
        table = made.to_pandas()
        places = {id: i for i, id in enumerate(made.ids)}
        rows = pa.array([places.get(item.id) for item in items], pa.int64())
        for name in table.columns:
            if name == "error" or name in origin:
                continue
            values = table[name].to_numpy()
            mixed = values.dtype == object
            kind = None if not mixed else pa.int64() if name == "set_size" else pa.string()
            made_of = pa.array(values, kind, from_pandas=mixed).take(rows)
            if name == "remark":
                remarks = made_of
            else:
                columns[f"label: {name}" if name in (*ITEM, *last) else name] = made_of
    columns["remark"] = remarks
    for name in ERROR:
        columns[name] = pa.array([getattr(item, name) for item in items], pa.string())
    for name, value in origin.items():
        columns[name] = pa.array([value] * len(items), pa.string())
    return pa.table(columns).replace_schema_metadata({KEY + b"_run": json.dumps(facts).encode()})


def _kind(name: str) -> Any:
    pa = arrow()
    return pa.int64() if name in ("size", "mtime_ns") else pa.string()


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they are in a receipt; the order of labels counts."""
    return {name: value for name, value in sorted(options.items()) if value is not None}
