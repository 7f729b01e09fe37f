"""Methods of the client for duplicates."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from daguerre.dispatch.vectors import EmbeddingsLike, split_usable, vector_blocks, with_uploads
from daguerre.errors import ItemError
from daguerre.inputs.alignment import item_ids, per_item, relative_ids
from daguerre.inputs.items import Images, Texts
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.resources.images import ImageMethods
from daguerre.results.base import Errors
from daguerre.results.duplicates import Duplicates
from daguerre.results.images import Descriptions
from daguerre.storage.parquet import printable
from daguerre.transport.operations import DUPLICATES, FIND_DUPLICATES
from daguerre.types.common import NO_MODEL, Decode, Payload
from daguerre.types.images import ImageDescription, ImagesAnswer
from daguerre.types.jobs import Job

Kind = Literal["exact", "near", "semantic"]


class DuplicateMethods(EmbeddingMethods, ImageMethods):
    """Duplicates."""

    async def duplicates(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        embeddings: EmbeddingsLike | None = None,
        kind: Kind = "near",
        threshold: float | None = None,
        bits: int | None = None,
        linkage: Literal["single", "star"] = "single",
        prefer: Literal["size"] | Sequence[float] | None = None,
        ids: Sequence[str] | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        progress: bool | None = None,
        wait: bool = True,
    ) -> Duplicates | Job:
        """Find groups of duplicates.

        Parameters
        ----------
        images, ids, progress : as for `embed`.
        kind : exact: the same bytes, which are compared on this machine. near: perceptual hashes that differ in few
            bits, as of other sizes, formats and slight crops. semantic: a high cosine of `embeddings`, or of `images`
            or `texts`, which are embedded first. Texts of which the model knows no token are left out, with an error.
        threshold : smallest cosine of semantic duplicates; None: 0.95.
        bits : largest number of bits, of 64, in which near duplicates differ; None: 8.
        linkage : single: groups are chains of duplicates. star: every member is a duplicate of the representative.
        prefer : the representative of a group: "size", the image with the most pixels; or a number for each item, of
            which the highest counts. None: the most central item.
        model, decode : as for `embed`, for semantic.
        wait : whether to wait for the duplicates; otherwise the job is returned, and `found_duplicates(job.id)` has
            them later.

        Returns
        -------
        Duplicates : `.groups`, `.kept` (n,) bool, `.extra`, the ids to drop; `.to_pandas()`, `.errors`.

        Raises
        ------
        JobFailedError, DaguerreError : any subclass in daguerre.errors.
        ValueError : an option belongs to another kind.

        Examples
        --------
        >>> D = client.duplicates(images="photos/", prefer="size")
        >>> [path for path, keep in zip(D.ids, D.kept) if keep]
        """
        if kind not in ("exact", "near", "semantic"):
            raise ValueError(f'kind: got {kind!r}, there are "exact", "near" and "semantic"')
        for name, value, of in (("threshold", threshold, "semantic"), ("bits", bits, "near")):
            if value is not None and kind != of:
                raise ValueError(f"{name} applies only to kind={of!r} (got {kind!r}); leave it out")
        fields: dict[str, Any] = {"kind": kind, "threshold": threshold, "bits": bits, "linkage": linkage}
        blocks = {}
        described = None
        if kind != "semantic":
            if images is None or texts is not None or embeddings is not None:
                raise ValueError(f"kind: {kind!r} compares files of images; give images, or kind='semantic'")
            described = await self._hashed(images, kind, progress)
            files = described.ids
            good = np.flatnonzero(described.ok)
            errors: Sequence[ItemError] = list(described.errors)
            if not len(good):
                raise ValueError(f"none of {len(files)} images can be used: {described.errors!r}")
            name = "sha256" if kind == "exact" else "phash"
            fields[name] = [getattr(described.images[i], name) or "" for i in good.tolist()]
        else:
            blocks = await self._embedded(images, texts, embeddings, model, decode, progress)
            files = next(iter(blocks.values())).ids
            good, errors = split_usable(blocks, files, known=True)
        every = item_ids(ids, files)
        if not len(good):  # texts that the model cannot tell apart: nothing is known to be a duplicate
            return Duplicates(
                ids=every,
                errors=Errors([replace(each, id=every[each.index]) for each in errors]),
                id="",
                kind=kind,
                threshold=threshold,
                linkage=linkage,
                groups=(),
            )
        if isinstance(prefer, str):
            if prefer != "size":
                raise ValueError(f'prefer: got {prefer!r}, there is "size"; or give a number for each item')
            if images is None:
                raise ValueError('prefer: "size" needs images; give them, or a number for each item')
            if kind == "semantic":
                described = await self.describe_images(images, progress=progress)
            assert described is not None
            prefer = [(image.width or 0) * (image.height or 0) if image else 0 for image in described.images]
        if prefer is not None:
            wanted = per_item("prefer", prefer, len(every))
            fields["preference"] = [float(wanted[i]) for i in good.tolist()]
        names = every if ids is not None else relative_ids(files)
        fields |= {"ids": [printable(names[i]) for i in good.tolist()]}
        vectors = vector_blocks(blocks, good) if blocks else []
        begun = await with_uploads(
            self.transport,
            vectors,
            lambda sent: self.transport.call(FIND_DUPLICATES, fields, vectors=sent),
            retry_for=self.limits.retry_for,
        )
        if not wait:
            return begun
        ended = await self.wait(begun.id, progress=progress, what="duplicates")
        answer = await self._found(ended.id)
        errors = [ItemError(each.index, every[each.index], each.code, each.message) for each in errors]
        return Duplicates.of(answer, ids=every, sent=good, errors=errors)

    async def found_duplicates(self, id: str) -> Duplicates:
        """Get earlier duplicates by their id; `.ids` are those that the server has. Raises NotFoundError.

        Examples
        --------
        >>> client.found_duplicates(job.id).extra
        """
        answer = await self._found(id)
        return Duplicates.of(answer, ids=answer["ids"], sent=np.arange(answer["n"]), errors=())

    async def _found(self, id: str) -> Mapping[str, Any]:
        return await self.ask(DUPLICATES, {"id": id})

    async def _hashed(self, images: Images, kind: Kind, progress: bool | None) -> Descriptions:
        """Hash images: SHA-256 on this machine, perceptual hashes on the server."""
        if kind == "near":
            return await self.describe_images(images, progress=progress)

        async def ask(items: Sequence[Payload]) -> ImagesAnswer:
            hashes = await asyncio.to_thread(lambda: [hashlib.sha256(item.image or b"").hexdigest() for item in items])
            return ImagesAnswer(
                images=[ImageDescription(sha256=each) for each in hashes],
                receipt=NO_MODEL,
                failures={},
                truncated=[],
                request_id=None,
            )

        return await self._described(images, None, ask, "collect", progress, "hash")
