"""Methods of the client for corpora."""

import os
from typing import Any

from daguerre.corpus.run import embed_corpus
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images
from daguerre.results.corpus import CorpusSummary
from daguerre.session import Session
from daguerre.types.common import Decode


class CorpusMethods(Session):
    """Embeddings of folders of any size."""

    async def embed_corpus(
        self,
        source: Images,
        out: "str | os.PathLike[str]",
        *,
        crops: Any = None,
        model: str | None = None,
        decode: Decode | None = None,
        shard: "tuple[int, int] | str | None" = None,
        retry_errors: bool = False,
        retry_for: float = 3600.0,
        progress: bool | None = None,
    ) -> CorpusSummary:
        """Embed a folder of any size into Parquet. An interrupted run continues when it is called again.

        Files with equal bytes are embedded once. A new corpus of more than a million items becomes a folder of Parquet
        files, which a later run adds a part to; a file is written again as a whole.

        Parameters
        ----------
        source : a folder, a glob, an iterable of paths, or a mapping from ids to paths. Ids are as for `embed`.
        out : the file: id, sha256, vector, model, fingerprint, error. Parts lie in `<out>.parts` until it is complete.
            Or a folder, which ends in a slash or exists: part-*.parquet, which Arrow, pandas and others read as one.
        shard : the share of the items that this process embeds: (3, 16) or "3/16" are those whose hash of the id is 3
            modulo 16. Numbers begin at 0. Processes with different shards may write into one folder at the same time.
        retry_errors : retry items that failed in an earlier run.
        retry_for : seconds for which a failing request is retried: an hour, so that a long run survives a restart.
        crops, model, decode, progress : as for `embed`. A crop is embedded again where it or its file has changed.

        Returns
        -------
        CorpusSummary : numbers of items that were embedded, were there already, and failed.

        Raises
        ------
        FingerprintMismatchError : the file has vectors of another model or other settings. It is not changed.
        ValueError : there is no such shard; a shard has a file as `out`.

        Examples
        --------
        >>> client = Client()
        >>> client.embed_corpus("photos/", "photos.parquet").embedded
        3
        """
        source = with_crops(source, crops)
        return await embed_corpus(
            self,
            source,
            out,
            model=model,
            decode=decode,
            shard=shard,
            retry_errors=retry_errors,
            retry_for=retry_for,
            progress=progress,
        )
