"""Corpora of any size over a cluster of Ray: actors read the files and call servers, or start one for each GPU.

Each function writes a folder of Parquet parts, and continues there when it is called again after an interruption.
Needs Ray: pip install 'daguerre[ray]'.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from daguerre.ray.operations import Analyse, Embed, Predict, ZeroShot
from daguerre.ray.run import Where, run
from daguerre.results.corpus import CorpusSummary
from daguerre.types.analyses import Analysers, requested
from daguerre.types.common import Decode

__all__ = ["analyse", "caption", "embed_corpus", "predict", "zero_shot"]

Out = str | os.PathLike[str]


def embed_corpus(
    source: Any,
    out: Out,
    *,
    model: str | None = None,
    decode: Decode | None = None,
    **where: Any,
) -> CorpusSummary:
    """Embed a folder or a table of paths of any size into a folder of Parquet parts, over a cluster.

    Parameters
    ----------
    source : a folder of images, with its subfolders; a .parquet, .csv or .tsv file with a column of paths; a table of
        pandas or pyarrow with such a column; an iterable of paths; or a mapping from ids to paths. Folders, tables and
        paths may be in a store: s3://bucket/photos/. Every node has to reach the paths.
    out : a folder: `part-*.parquet` with the columns of the file that `Client.embed_corpus` writes, `_receipt.json`,
        and `_SUCCESS` once it is complete. It may be in a store. With a folder that is there the run continues.
    model, decode : as for `Client.embed`.
    servers : addresses of servers, as for `Client`, which all nodes reach; None: $DAGUERRE_URL. "start": each actor
        starts a service of its node, with one GPU each where there are any.
    ray : address of the cluster, such as "head:6379"; "auto": the one that this machine is a node of, or else one that
        is started here; "local": one that is started here. Where Ray is initialised already, that is taken.
    actors : number of actors; None: one for each server or GPU.
    cpus, gpus : CPUs and GPUs of each actor; None: 0.1 CPUs where it waits for servers, 1 where it starts a service,
        and one GPU where it starts a service and there are any.
    api_key : bearer key of the servers; None: $DAGUERRE_API_KEY of the nodes.
    path_column, id_column : names of columns of a table. Without a column "id", ids are the paths relative to their
        common parent at the first run, as those of `Client.embed_corpus`.
    root : folder that relative paths of a table begin at; None: the table's own.
    filesystem : a file system of pyarrow for all paths, for example with credentials; None: by their schemes.
    retry_errors : retry items that failed in an earlier run. Files that could not be read are always tried again.
    retry_for, timeout : seconds for which a failing request is retried, and of one request.
    part_rows : rows of a part, about. A run whose driver is killed loses at most the rows that are in no part yet.
    settings : environment variables of services that are started, such as {"DAGUERRE_MODELS": "…"}.

    Returns
    -------
    CorpusSummary : as of `Client.embed_corpus`. Remarks, such as the number of failed items, are warnings.

    Raises
    ------
    ValueError, FileNotFoundError, NotADirectoryError : the source, the output or an option is not usable; the actors do
        not fit into the cluster.
    FingerprintMismatchError : the folder has vectors of another fingerprint, or servers differ. It is not changed.
    DaguerreError : another run writes the folder, or it has files of others.

    Examples
    --------
    >>> import daguerre.ray
    >>> daguerre.ray.embed_corpus("photos/", "out/", servers=["http://gpu1:3000", "http://gpu2:3000"]).embedded
    3
    """
    return run(Embed(model=model, decode=decode), source, out, Where.of(where))


def zero_shot(
    source: Any,
    out: Out,
    *,
    labels: Sequence[str] | None = None,
    preset: str | None = None,
    templates: Sequence[str] | None = None,
    multi_label: bool = False,
    negatives: Sequence[str] | None = None,
    none_of_these: str | None = None,
    none_min_cosine: float | None = None,
    model: str | None = None,
    decode: Decode | None = None,
    **where: Any,
) -> CorpusSummary:
    """Score the images of a corpus for labels, over a cluster.

    Parameters
    ----------
    labels, preset, templates, multi_label, negatives, none_of_these, none_min_cosine, model, decode : as for
        `Client.zero_shot`.
    source, out, where : as for `embed_corpus`. A part has the columns of `ZeroShot.to_pandas`, and those that say which
        file and model a row is of.

    Returns
    -------
    CorpusSummary : `embedded` is the number of items with scores.
    """
    options = {
        **{"labels": None if labels is None else list(labels), "preset": preset, "multi_label": multi_label},
        **{"templates": None if templates is None else list(templates)},
        **{"negatives": None if negatives is None else list(negatives)},
        **{"none_of_these": none_of_these, "none_min_cosine": none_min_cosine},
    }
    if (labels is None) == (preset is None):
        raise ValueError("give labels or a preset")
    return run(ZeroShot(options=options, model=model, decode=decode), source, out, Where.of(where))


def predict(
    source: Any,
    out: Out,
    classifier: str,
    *,
    coverage: float | None = None,
    each_class: bool = False,
    **where: Any,
) -> CorpusSummary:
    """Predict the images of a corpus with a trained classifier, over a cluster.

    Parameters
    ----------
    classifier : its name, such as "protest" for the newest version, or "protest@3". The servers have to share it.
    coverage, each_class : as for `Classifier.predict`.
    source, out, where : as for `embed_corpus`. A part has the columns of `Predictions.to_pandas`, and those that say
        which file a row is of.

    Returns
    -------
    CorpusSummary : `embedded` is the number of items with predictions.
    """
    options = {"coverage": coverage, "each_class": each_class}
    return run(Predict(classifier=classifier, options=options), source, out, Where.of(where))


def analyse(source: Any, out: Out, analysers: Analysers, **where: Any) -> CorpusSummary:
    """Find out what is in the images of a corpus, over a cluster.

    Parameters
    ----------
    analysers : kinds or their options, as for `Client.analyse`.
    source, out, where : as for `embed_corpus`. `out` has two folders of parts: `pictures` with a row for each image,
        and `findings` with a row for each finding, with the columns of the files of `Client.analyse_corpus`.

    Returns
    -------
    CorpusSummary : `embedded` is the number of images that were analysed; `fingerprint` has those of all analysers.
    """
    return run(Analyse(analysers=requested(analysers)), source, out, Where.of(where))


def caption(source: Any, out: Out, *, options: Mapping[str, Any] | None = None, **where: Any) -> CorpusSummary:
    """Write a sentence about each image of a corpus, over a cluster. The servers need an analyser of captions.

    Parameters
    ----------
    options : of the analyser, as {"captions": options} for `Client.analyse`.
    source, out, where : as for `analyse`, whose findings have the sentence in the column text.
    """
    return analyse(source, out, {"captions": dict(options or {})}, **where)
