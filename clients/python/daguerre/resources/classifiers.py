"""Methods of the client for trained classifiers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from daguerre.dispatch.vectors import EmbeddingsLike, vector_block
from daguerre.handles.classifier import AsyncClassifier
from daguerre.inputs.alignment import Code, ItemIndex, id_texts, item_ids, json_value, missing_texts, relative_ids
from daguerre.inputs.items import Images, Texts
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.results.embeddings import Embeddings
from daguerre.transport.operations import CLASSIFIER, CLASSIFIERS, DELETE_CLASSIFIER, FINE_TUNE, TRAIN
from daguerre.types.common import Decode
from daguerre.types.jobs import Job

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["binary", "categorical", "continuous"]
WARNED = ("missing_codes", "similar_codes", "lost_zeros", "items")  # notes of a report that nobody should overlook


class ClassifierMethods(EmbeddingMethods):
    """Trained classifiers."""

    async def train_classifier(
        self,
        name: str,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        targets: "Sequence[Code] | Mapping[str, Code] | pd.Series[Any] | None" = None,
        task: Task | None = None,
        embeddings: EmbeddingsLike | None = None,
        codes: "Sequence[tuple[str, str, Code]] | pd.DataFrame | None" = None,
        rule: Literal["majority", "unanimous", "mean"] | None = None,
        missing: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        groups: Sequence[Any] | None = None,
        sample_weight: Sequence[float] | None = None,
        inclusion_prob: Sequence[float] | None = None,
        split: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        bounds: tuple[float, float] | None = None,
        partial: bool = False,
        model: str | None = None,
        decode: Decode | None = None,
        strengths: Sequence[float] | None = None,
        folds: int = 5,
        inner_folds: int = 3,
        balanced: bool = False,
        calibrate: bool = True,
        resamples: int = 1000,
        seed: int = 0,
        progress: bool | None = None,
    ) -> AsyncClassifier:
        """Train a classifier on coded images, texts, or both: a linear probe on their embeddings.

        Parameters
        ----------
        name : small letters, digits, "-", "_" and "."; an existing name gets a new version.
        images, texts : as for `embed`; with both, one text for each image.
        targets : a code for each item, None if it has none; or a mapping or a pandas Series from ids (paths, or file
            names) to codes. A folder needs one of the latter. 1, 1.0, "1", and True beside 0 and 1, are one code.
        task : None: binary or categorical, by the number of labels. Required if the codes are numbers.
        embeddings : results of `embed`, in place of items; for both modalities, {"image": …, "text": …}.
        codes : in place of targets, rows (coder, item's id, code), or a DataFrame with columns coder, item and code,
            which `rule` turns into one target per item; the report has the coders' agreement.
        missing : texts that are no code; None: NA, N/A, NaN, NULL, None and the like. Empty: blank ones alone.
        ids : names of the items in the report, which stays on the server. None: paths below their common folder.
        groups : for example the author of each item; items of one group are never on both sides of a split.
        inclusion_prob : probability of each item to be in the coded sample; or sample_weight.
        split : "train" or "test" for each item; test items are used for figures of the report only.
        labels : the order of the classes; for a binary task (negative, positive).
        bounds : lower and upper bound of a continuous target; predictions stay inside.
        partial : use items that lack one of two modalities (None in `texts`).
        strengths, folds, inner_folds, balanced, calibrate, resamples, seed : parameters of training and of the report;
            see docs/classifiers.md.

        Returns
        -------
        Classifier : `.predict(…)`, `.report`, `.save_report(…)`, `.estimate(…)`.

        Raises
        ------
        JobFailedError, DaguerreError : any subclass in daguerre.errors.
        ValueError, TypeError : the input is ambiguous or contradictory.

        Examples
        --------
        >>> codes = {"001.jpg": "protest", "002.jpg": "other"}
        >>> clf = client.train_classifier("protest", images="coded/", targets=codes)
        >>> print(clf.report)
        """
        blocks = await self._embedded(images, texts, embeddings, model, decode, progress)
        first = next(iter(blocks.values()))
        paths = list(first.ids)
        names = item_ids(ids, paths) if ids is not None else relative_ids(paths)
        if (targets is None) == (codes is None):
            raise ValueError("give either targets or codes")
        refuse_unusable(blocks)
        items = ItemIndex(paths, names, images if images is not None else texts, files=images is not None)
        fields: dict[str, Any] = {
            "name": name,
            "task": task,
            "ids": names,
            "targets": None if targets is None else items.column("targets", targets),
            "missing": missing_texts(missing),
            "groups": None if groups is None else id_texts(items.column("groups", groups, whole=True), "groups"),
            "sample_weight": _weights(items, "sample_weight", sample_weight),
            "inclusion_prob": _weights(items, "inclusion_prob", inclusion_prob),
            "split": None if split is None else items.column("split", split, whole=True),
            "labels": None if labels is None else id_texts(labels, "labels"),
            "bounds": None if bounds is None else list(bounds),
            "partial": partial,
            "strengths": _numbers(strengths),
            "folds": folds,
            "inner_folds": inner_folds,
            "balanced": balanced,
            "calibrate": calibrate,
            "resamples": resamples,
            "seed": seed,
        }
        if codes is not None:
            coder, item, code = _columns(codes)
            fields["codes"] = {
                "coder": id_texts(coder, "coder"),
                "item": [names[places[0]] if (places := items.find(each)) else each for each in id_texts(item, "item")],
                "code": [json_value(each) for each in code],
                "rule": rule or ("mean" if task == "continuous" else "majority"),
            }
        for remark in items.remarks:
            self.warn(remark)
        vectors = [vector_block(modality, made) for modality, made in blocks.items()]
        begun = await self.transport.call(TRAIN, fields, vectors=vectors)
        ended = await self.wait(begun.id, progress=progress, what="train")
        assert ended.result
        files = dict(zip(names, paths, strict=True))
        made = AsyncClassifier(self, await self._card_of(ended.result["classifier"]), files)
        self._warn_of_dropped(made.report)
        return made

    def _warn_of_dropped(self, report: Mapping[str, Any]) -> None:
        """Warn of items that were left out of the training, and of texts that count as missing codes."""
        if dropped := report["dropped"]:
            reasons = Counter(each["reason"] for each in dropped)
            (reason, count), *others = reasons.most_common()
            which = f"{count:,} of them because each" if others else "because each"
            self.warn(
                f"{len(dropped):,} of {len(dropped) + report['n']:,} items were left out of the training, {which} "
                f"{reason}; .report['dropped'] lists them"
            )
        for note in report["notes"]:
            if note["code"] in WARNED:
                self.warn(note["message"])

    async def classifier(self, name: str) -> AsyncClassifier:
        """Get a trained classifier: the newest version of "protest", or "protest@3". Raises NotFoundError."""
        return AsyncClassifier(self, await self._card_of(name))

    async def classifiers(self) -> list[Mapping[str, Any]]:
        """List the newest version of each classifier: id, task, labels, created, usable, …"""
        return await self.entries(CLASSIFIERS)

    async def delete_classifier(self, name: str) -> list[str]:
        """Delete "protest@3", or all versions of "protest". Raises NotFoundError, PermissionDeniedError."""
        return await self.transport.call(DELETE_CLASSIFIER, {"name": name})

    async def fine_tune(
        self,
        name: str,
        folder: str,
        *,
        task: Task = "categorical",
        start: str = "embedded",
        positive: str | None = None,
        bounds: tuple[float, float] | None = None,
        unfreeze: Literal["none", "last", "all"] = "last",
        epochs: int = 15,
        head_epochs: int = 40,
        patience: int = 5,
        batch: int = 32,
        flip: bool = True,
        crop: float = 0.2,
        colour: float = 0.1,
        balanced: bool = False,
        validation: float = 0.2,
        seed: int = 0,
        wait: bool = True,
        progress: bool | None = None,
    ) -> AsyncClassifier | Job:
        """Fine-tune an image network on a folder (or table) on the server, below its DAGUERRE_DATA.

        Parameters
        ----------
        folder : relative path of a folder with train/CLASS/…, and optionally validation/ and test/; or of a .csv with
            path, target, split.
        start : "embedded", or the name of an image model's folder below DAGUERRE_DATA.
        positive : class of a binary task whose probability is given.
        unfreeze, epochs, head_epochs, patience, batch : extent and length of the training.
        flip, crop, colour : random changes of training images; False or 0 for none.
        validation : share of the training images for early stopping, if there is no folder validation/.
        wait : whether to wait for the classifier; otherwise the job is returned, and the server works alone.

        Returns
        -------
        Classifier, or Job if `wait` is False.
        """
        fields: dict[str, Any] = {
            "name": name,
            "folder": folder,
            "task": task,
            "start": start,
            "positive": positive,
            "bounds": None if bounds is None else list(bounds),
            "unfreeze": unfreeze,
            "epochs": epochs,
            "head_epochs": head_epochs,
            "patience": patience,
            "batch": batch,
            "flip": flip,
            "crop": crop,
            "colour": colour,
            "balanced": balanced,
            "validation": validation,
            "seed": seed,
        }
        begun = await self.transport.call(FINE_TUNE, fields)
        if not wait:
            return begun
        ended = await self.wait(begun.id, progress=progress, what="fine-tune")
        assert ended.result
        return AsyncClassifier(self, await self._card_of(ended.result["classifier"]))

    async def _card_of(self, label: str) -> Mapping[str, Any]:
        return await self.ask(CLASSIFIER, {"name": label})


def _columns(codes: Any) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
    """Coders, items and codes of rows, or of a DataFrame with columns of these names. Raises ValueError."""
    names = ("coder", "item", "code")
    if hasattr(codes, "columns"):
        if absent := [name for name in names if name not in codes.columns]:
            there = ", ".join(map(str, codes.columns))
            raise ValueError(
                f"codes: the table has no column {absent[0]!r}; it has {there}; it needs {', '.join(names)}"
            )
        return tuple(list(codes[name]) for name in names)  # type: ignore[return-value]
    rows = list(codes)
    if odd := [row for row in rows if isinstance(row, str) or len(row) != 3]:
        raise ValueError(f"codes: got {odd[0]!r:.60}; give rows (coder, item, code)")
    return tuple(zip(*rows, strict=True)) if rows else ((), (), ())  # type: ignore[return-value]


def refuse_unusable(blocks: Mapping[str, Embeddings]) -> None:
    """Raise ValueError where not one item has a vector, with the number of files that are not there."""
    if any(made.ok.any() for made in blocks.values()):
        return
    made = next(iter(blocks.values()))
    if not made.errors:
        raise ValueError("no items were given; check the folder, the glob or the list")
    first = made.errors[0]
    raise ValueError(
        f"{len(made.errors):,} of {len(made):,} items cannot be used, the first, {first.id}: {first.message}"
    )


def _weights(items: ItemIndex, name: str, given: Any) -> list[float] | None:
    return None if given is None else _numbers(items.column(name, given, whole=True))  # type: ignore[arg-type]


def _numbers(given: Sequence[float] | None) -> list[float] | None:
    return None if given is None else [float(number) for number in given]
