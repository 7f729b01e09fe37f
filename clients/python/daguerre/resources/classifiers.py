"""Methods of the client for trained classifiers."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from daguerre.corpus.classifiers import item_groups
from daguerre.corpus.features import feature_columns, split_features
from daguerre.corpus.training import (
    code_rows,
    coded_items,
    dropped_warnings,
    numbers_of,
    of_coded,
    read_training_table,
    refuse_unusable,
    table_arguments,
    texts_of,
    zero_shot_fields,
)
from daguerre.dispatch.vectors import (
    EmbeddingsLike,
    embeddings_of,
    known_errors,
    sent_names,
    vector_block,
    with_uploads,
)
from daguerre.errors import ItemError, RemarkWarning
from daguerre.handles.classifier import AsyncClassifier
from daguerre.inputs.alignment import Code, ItemIndex, id_texts, item_ids, json_value, missing_texts
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images, Texts
from daguerre.resources.analyses import AnalysisMethods
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.results.embeddings import Embeddings
from daguerre.transport.operations import CLASSIFIER, CLASSIFIERS, DELETE_CLASSIFIER, FINE_TUNE, TRAIN
from daguerre.types.common import Decode
from daguerre.types.jobs import Job

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["binary", "categorical", "continuous"]


class ClassifierMethods(AnalysisMethods, EmbeddingMethods):
    """Trained classifiers."""

    async def train_classifier(
        self,
        name: str,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        text: Literal["from-image"] | None = None,
        targets: "Sequence[Code] | Mapping[str, Code] | pd.Series[Any] | None" = None,
        task: Task | None = None,
        embeddings: EmbeddingsLike | None = None,
        crops: Any = None,
        codes: "Sequence[tuple[str, str, Code]] | pd.DataFrame | None" = None,
        rule: Literal["majority", "unanimous", "mean", "adjudicated", "both"] | None = None,
        adjudicator: str | None = None,
        table: "str | os.PathLike[str] | pd.DataFrame | None" = None,
        coders: Sequence[str] = (),
        features: Any = None,
        missing: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        groups: "Sequence[Any] | Mapping[str, Any] | pd.Series[Any] | None" = None,
        sample_weight: "Sequence[float] | Mapping[str, float] | pd.Series[Any] | None" = None,
        inclusion_prob: "Sequence[float] | Mapping[str, float] | pd.Series[Any] | None" = None,
        split: "Sequence[str] | Mapping[str, str] | pd.Series[Any] | None" = None,
        strata: "Sequence[Any] | Mapping[str, Any] | pd.Series[Any] | None" = None,
        design: Literal["simple", "stratified", "purposive"] | None = None,
        labels: Sequence[str] | None = None,
        bounds: tuple[float, float] | None = None,
        partial: bool = False,
        model: str | None = None,
        decode: Decode | None = None,
        zero_shot: Mapping[str, str] | Sequence[str] | str | None = None,
        templates: Sequence[str] | None = None,
        strengths: Sequence[float] | None = None,
        folds: int = 5,
        inner_folds: int = 3,
        balanced: bool = False,
        calibrate: bool = True,
        resamples: int = 1000,
        repeats: int = 1,
        rare: str | None = None,
        seed: int = 0,
        progress: bool | None = None,
    ) -> AsyncClassifier:
        """Train a classifier on coded images, texts, or both: a linear probe on their embeddings, or zero-shot.

        Parameters
        ----------
        name : small letters, digits, "-", "_" and "."; an existing name gets a new version.
        images, texts, crops : as for `embed`; with both, one text for each image.
        text : "from-image": the text in each image is read by the server's analyser, and is the item's text, in
            `predict` too. Images without text are classified by the image alone.
        targets : a code for each item, None if it has none; or a mapping or a pandas Series from ids (paths, or file
            names) to codes. A folder needs one of the latter. 1, 1.0, "1", and True beside 0 and 1, are one code.
        task : None: binary or categorical, by the number of labels. Required if the codes are numbers.
        embeddings : a result of `embed`, or the path of its .parquet or .npz file, in place of items; for both
            modalities, {"image": …, "text": …}.
        codes : in place of targets, rows (coder, item's id, code), or a DataFrame with columns coder, item and code,
            which `rule` turns into one target per item; the report has the coders' agreement.
        rule : None: mean of a continuous target, adjudicated with an adjudicator, otherwise majority. "majority" and
            "unanimous" leave out items on which coders differ; "adjudicated" takes the adjudicator's code there;
            "both" keeps every code, weighted so that the codes of an item sum to one.
        adjudicator : the coder who decides where the others differ; with `table` also the path of a table of codes.
        table : a path (.csv, .tsv, .xlsx, .parquet) or a DataFrame, as `sample` makes it and coders fill it in: id or
            path, the columns inclusion_prob, stratum, group, weight and split if it has them, and the codes: a column
            target; columns coder and target; or a column for each coder. In place of images, their folder; or
            embeddings of the corpus, of which those of the table's items are used.
        coders : the columns of the table that are of coders; none: all that daguerre does not write itself.
        features : numbers of each item beside its vectors: {name: values}, each given as targets are; a table (a path
            or a DataFrame) with a column id or path; a result of `analyse`; or, with `table`, the names of its columns.
            They are scaled within each fold, an item that lacks one is left out, and predictions need them too.
        missing : texts that are no code; None: NA, N/A, NaN, NULL, None and the like. Empty: blank ones alone.
        ids : names of the items in the report, which stays on the server. None: the ids as for `embed`.
        groups : for example the author of each item; items of one group are never on both sides of a split. Also the
            result of `duplicates`, or the path of a table with columns id and group.
        inclusion_prob : probability of each item to be in the coded sample; or sample_weight.
        split : "train" or "test" for each item; test items are used for figures of the report only.
        strata, design : stratum of each item in the sample, and the design of the sample, for the report. Groups,
            weights, probabilities, splits and strata are given as targets are; items without a code need none.
        labels : the order of the classes; for a binary task (negative, positive). None: sorted, and of two, one named
            no, false, other, none, not X or the like is the negative one.
        bounds : lower and upper bound of a continuous target; predictions stay inside.
        partial : use items that lack one of two modalities (None in `texts`).
        zero_shot : for a few codes: zero-shot scores, calibrated with the codes, in place of a linear probe. A mapping
            from each class to its prompt, such as {"protest": "a protest", "other": "a street"}; a list of classes
            that are their own prompts; or the name of a preset. The report compares them with the scores as they are.
        templates : prompt templates, each with one {}; None: the model's own.
        repeats : number of cross-validations with other folds; figures are their means.
        rare : treatment of classes with fewer examples than folds. None: an error; "drop": their items are left out;
            "merge:other": they become one class of this name. A warning says which classes they are.
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
        if crops is not None and table is not None:
            raise ValueError("crops: a table of codes is of whole images; give images, crops and targets instead")
        images = with_crops(images, crops)
        if table is not None:
            whole: Any = table
            if isinstance(features, list | tuple):
                whole, features = split_features(table, features)
            read = read_training_table(whole, coders, rule, adjudicator)
            for remark in read.remarks:
                self.warn(RemarkWarning(remark))
            vectors_of = None if embeddings is None else await embeddings_of(embeddings)
            own = table_arguments(read, images, vectors_of, groups, numeric=task == "continuous")
            given = {"targets": targets, "codes": codes, "ids": ids, "texts": texts, "strata": strata, "split": split}
            given |= {"sample_weight": sample_weight, "inclusion_prob": inclusion_prob, "design": design}
            if twice := [key for key, value in given.items() if value is not None and own.get(key) is not None]:
                raise ValueError(f"{twice[0]}: the table has it already; leave one of them out")
            merged = {**given, **own}
            images, texts, ids, embeddings = (own.get(key) for key in ("images", "texts", "ids", "embeddings"))
            targets, codes, groups, adjudicator = (
                own.get("targets"),
                own.get("codes"),
                own.get("groups"),
                read.adjudicator,
            )
            strata, split, design = (merged[key] for key in ("strata", "split", "design"))
            sample_weight, inclusion_prob = merged["sample_weight"], merged["inclusion_prob"]
        elif coders:
            raise ValueError("coders: names columns of a table; give table, or leave it out")
        reader = None
        if text is not None:
            texts, reader = await self._read(text, images, texts, embeddings, progress)
            partial = True
        blocks = await self._embedded(images, texts, embeddings, model, decode, progress)
        first = next(iter(blocks.values()))
        names = sent_names(first, item_ids(ids, first.ids), ids)
        if (targets is None) == (codes is None):
            raise ValueError("give either targets or codes, or a table of them")
        if codes is None and (adjudicator is not None or rule == "adjudicated"):
            raise ValueError("adjudicator: decides between several coders, and there is one; give codes of several")
        refuse_unusable(blocks)
        items = ItemIndex(first.files, names, images if images is not None else texts)
        sent: dict[str, Any] = {"targets": None if targets is None else items.column("targets", targets)}
        if codes is not None:
            coder, item, code = code_rows(codes)
            sent["codes"] = {
                "coder": id_texts(coder, "coder"),
                "item": [names[places[0]] if (places := items.find(each)) else each for each in id_texts(item, "item")],
                "code": [json_value(each) for each in code],
                "rule": rule
                or ("mean" if task == "continuous" else "majority" if adjudicator is None else "adjudicated"),
                "adjudicator": adjudicator,
            }
        coded = coded_items(sent, names)
        if isinstance(groups, str | os.PathLike) or hasattr(groups, "rows"):
            groups = item_groups(groups, names, first.files)

        def column(what: str, given: Any) -> list[Any] | None:
            return None if given is None else of_coded(what, items.column(what, given), names, coded)

        columns = None
        if features is not None:
            columns, remarks = feature_columns(features, items, len(names))
            for remark in remarks:
                self.warn(RemarkWarning(remark))
        probability = None if inclusion_prob is None else items.column("inclusion_prob", inclusion_prob)
        fields: dict[str, Any] = {
            "name": name,
            "task": task,
            "ids": names,
            **sent,
            "missing": missing_texts(missing),
            "groups": texts_of("groups", column("groups", groups)),
            "strata": texts_of("strata", column("strata", strata)),
            "design": design,
            "sample_weight": numbers_of(column("sample_weight", sample_weight)),
            "inclusion_prob": numbers_of(
                None if probability is None else of_coded("inclusion_prob", list(probability), names, coded)
            ),
            "split": column("split", split),
            "features": columns,
            "labels": None if labels is None else id_texts(labels, "labels"),
            "bounds": None if bounds is None else list(bounds),
            "partial": partial,
            "text": text,
            "text_fingerprint": reader,
            "zero_shot": zero_shot_fields(zero_shot, templates),
            "strengths": numbers_of(strengths),
            "folds": folds,
            "inner_folds": inner_folds,
            "balanced": balanced,
            "calibrate": calibrate,
            "resamples": resamples,
            "repeats": repeats,
            "rare": rare,
            "seed": seed,
        }
        for remark in items.remarks:
            self.warn(remark)
        sampled = np.arange(len(names))
        if probability is not None and any(coded):  # an item without a code and a probability was not drawn
            sampled = np.flatnonzero([coded[i] or probability[i] is not None for i in range(len(names))])
            for key in ("ids", "targets", "groups", "strata", "sample_weight", "inclusion_prob", "split"):
                if fields[key] is not None:
                    fields[key] = [fields[key][i] for i in sampled.tolist()]
            for column_of in columns or ():
                column_of["values"] = [column_of["values"][i] for i in sampled.tolist()]
        vectors = [vector_block(modality, made, sampled) for modality, made in blocks.items()]
        begun = await with_uploads(
            self.transport,
            vectors,
            lambda sent: self.transport.call(TRAIN, fields, vectors=sent),
            retry_for=self.limits.retry_for,
        )
        ended = await self.wait(begun.id, progress=progress, what="train")
        assert ended.result
        files = dict(zip(names, first.files, strict=True))
        failed = list(known_errors(blocks, names).values())
        made = await self._classifier(ended.result["classifier"], files, failed)
        for warning in dropped_warnings(made.report):
            self.warn(warning)
        return made

    async def _read(
        self, text: str, images: Any, texts: Any, embeddings: Any, progress: bool | None
    ) -> tuple[Any, str]:
        """The text in each image, None where there is none, and the fingerprint of the analyser. Raises ValueError."""
        if text != "from-image":
            raise ValueError(f'text: got {text!r}, there is "from-image"; give texts of your own as texts=')
        if texts is not None or embeddings is not None or images is None:
            raise ValueError("text: is read in images; give images, without texts= and embeddings=")
        if hasattr(images, "__next__"):
            raise TypeError("images: got an iterator, and they are read twice; give a list")
        found = await self.analyse(images, ["text"], progress=progress)
        read = [each or None for each in found.texts]
        if not any(read):
            raise ValueError("text: no text was read in any of the images; train on images alone")
        return read, str(found.receipts["text"]["fingerprint"])

    async def classifier(self, name: str) -> AsyncClassifier:
        """Get a trained classifier: the newest version of "protest", or "protest@3". Raises NotFoundError."""
        return await self._classifier(name)

    async def classifiers(self) -> list[Mapping[str, Any]]:
        """List the newest version of each classifier: id, task, labels, created, coded, usable, …"""
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
        return await self._classifier(ended.result["classifier"])

    async def _classifier(
        self, label: str, files: Mapping[str, str] | None = None, errors: Sequence[ItemError] = ()
    ) -> AsyncClassifier:
        card = await self.ask(CLASSIFIER, {"name": label})

        async def embed(images: Any, texts: Any, progress: bool | None) -> Mapping[str, Embeddings]:
            if card["made_with"].get("text_from_image"):
                found = await self.analyse(images, ["text"], progress=progress)
                texts = [each or None for each in found.texts]
            of = card["encoders"][0]
            decode = (card["made_with"].get(of["modality"]) or {}).get("decode")
            return await self._embedded(images, texts, None, of["model"], decode, progress)

        return AsyncClassifier(self, card, files, errors, embed)
