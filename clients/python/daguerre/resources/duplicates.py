"""Methods of the client for duplicates."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from daguerre.dispatch.vectors import EVERY, EmbeddingsLike, sent_names, split_usable, vector_blocks, with_uploads
from daguerre.errors import ItemError
from daguerre.handles.reported import AsyncDuplicates, reported, reported_or_job
from daguerre.inputs.alignment import item_ids, per_item
from daguerre.inputs.crops import content_hash, with_crops
from daguerre.inputs.items import Images, Texts
from daguerre.inputs.names import printable
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.resources.images import ImageMethods
from daguerre.results.base import Errors
from daguerre.results.duplicates import Duplicates
from daguerre.results.images import Descriptions
from daguerre.transport.operations import DESCRIBE_IMAGES, DUPLICATES, FIND_DUPLICATES
from daguerre.types.common import NO_MODEL, Decode, Payload
from daguerre.types.embeddings import VectorBlock
from daguerre.types.images import ImageDescription, ImagesAnswer
from daguerre.types.jobs import Job

Kind = Literal["exact", "near", "semantic"]
SENT = 10_000  # miniatures of 13 kB that are sent in one request
MANY = 20  # items from which their cosines show a bulk
BULK = "lies within the bulk of the corpus' cosines"
BLANK = "is an image of a single colour, so there is nothing in it to compare"


class DuplicateMethods(EmbeddingMethods, ImageMethods):
    """Duplicates."""

    @reported_or_job(AsyncDuplicates)
    async def duplicates(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        embeddings: EmbeddingsLike | None = None,
        crops: Any = None,
        kind: Kind | None = None,
        threshold: float | None = None,
        bits: int | None = None,
        linkage: Literal["single", "star"] = "single",
        method: Literal["auto", "exact", "approximate"] = "auto",
        prefer: Literal["size", "central"] | Sequence[float] | None = None,
        ids: Sequence[str] | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        progress: bool | None = None,
        wait: bool = True,
    ) -> Duplicates | Job:
        """Find groups of duplicates.

        Parameters
        ----------
        images, crops, ids, progress : as for `embed`.
        embeddings : a result of `embed`, or the path of its .parquet or .npz file, in place of items; for both
            modalities, {"image": …, "text": …}.
        kind : exact: the same bytes, of crops also the same rectangle, which are compared on this machine. near:
            perceptual hashes that differ in few bits, as of other sizes, formats and slight crops. semantic: a high
            cosine of `embeddings`, or of `images` or `texts`, which are embedded first. None: near for images, semantic
            for texts and embeddings. Texts of which the model knows no token and images of a single colour are left
            out, with an error. Pictures of near and semantic groups are compared block by block: those of one layout
            with different content are `.related`, not duplicates. Of `embeddings` there are no pictures.
        threshold : smallest cosine of semantic duplicates; None: learned from the cosines of the corpus, see
            `.threshold_reason`.
        bits : largest number of bits, of 64, in which near duplicates differ; None: 8.
        linkage : single: groups are chains of duplicates. star: every member is a duplicate of the representative.
        method : search for pairs of semantic. exact: all pairs are compared. approximate: those of an index, which can
            miss some, as `.recall` says; the server needs faiss. auto: exact up to 200,000 items, and above if the
            server has no faiss.
        prefer : the representative of a group: "size", the image with the most pixels, stills before animations;
            "central", the most central item; or a number for each item, of which the highest counts. None: size for
            near, otherwise central.
        model, decode : as for `embed`, for semantic.
        wait : whether to wait for the duplicates; otherwise the job is returned, and `found_duplicates(job.id)` has
            them later.

        Returns
        -------
        Duplicates : `.groups`, `.kept` (n,) bool, `.extra`, the ids to drop; `.related`, `.threshold`, `.remarks`,
        `.to_pandas()`, `.errors`.

        Raises
        ------
        JobFailedError, DaguerreError : any subclass in daguerre.errors.
        ValueError : an option belongs to another kind.

        Examples
        --------
        >>> D = client.duplicates(images="photos/")
        >>> [path for path, keep in zip(D.ids, D.kept) if keep]
        """
        images = with_crops(images, crops)
        if kind is None:
            kind = "near" if embeddings is None and texts is None else "semantic"
        if kind not in ("exact", "near", "semantic"):
            raise ValueError(f'kind: got {kind!r}, there are "exact", "near" and "semantic"')
        for name, value, of in (("threshold", threshold, "semantic"), ("bits", bits, "near")):
            if value is not None and kind != of:
                raise ValueError(f"{name} applies only to kind={of!r} (got {kind!r}); leave it out")
        if method not in ("auto", "exact", "approximate"):
            raise ValueError(f'method: got {method!r}, there are "auto", "exact" and "approximate"')
        if method == "approximate" and kind != "semantic":
            raise ValueError(f"method='approximate' applies only to kind='semantic' (got {kind!r}); leave it out")
        fields: dict[str, Any] = {"kind": kind, "threshold": threshold, "bits": bits, "linkage": linkage}
        fields |= {} if method == "auto" else {"method": method}
        blocks = {}
        described = None
        if kind != "semantic":
            if images is None or texts is not None or embeddings is not None:
                raise ValueError(f"kind: {kind!r} compares files of images; give images, or kind='semantic'")
            described = await self._hashed(images, kind, progress)
            found, files = described.ids, described.files
            good = np.flatnonzero(described.ok)
            errors: Sequence[ItemError] = list(described.errors)
            if not len(good):
                raise ValueError(f"none of {len(found)} images can be used: {described.errors!r}")
            name = "sha256" if kind == "exact" else "phash"
            fields[name] = [getattr(described.images[i], name) or "" for i in good.tolist()]
        else:
            blocks = await self._embedded(images, texts, embeddings, model, decode, progress, taken=EVERY)
            first = next(iter(blocks.values()))
            found, files = first.ids, [] if first.files is first.ids else first.files
            good, errors = split_usable(blocks, found, known=True)
            if images is not None and not isinstance(images, Iterator):  # which has been read
                described = await self._hashed(images, "near", progress, again=True)
                if texts is None:
                    good, errors = _without_blank(described, found, good, errors)
        every = item_ids(ids, found)
        if not len(good):  # texts that the model cannot tell apart: nothing is known to be a duplicate
            return Duplicates(
                ids=every,
                files=files,
                errors=Errors([replace(each, id=every[each.index]) for each in errors]),
                id="",
                kind=kind,
                threshold=threshold,
                linkage=linkage,
                groups=(),
            )
        if prefer is None or prefer == "central":
            prefer = "size" if prefer is None and kind == "near" else None
        if isinstance(prefer, str):
            if prefer != "size":
                raise ValueError(
                    f'prefer: got {prefer!r}, there are "size" and "central"; or give a number for each item'
                )
            if images is None:
                raise ValueError('prefer: "size" needs images; give them, or a number for each item')
            if described is None:
                raise ValueError('prefer: "size" needs images that can be read twice; give a list of them')
            prefer = _sizes(described)
        if prefer is not None:
            wanted = per_item("prefer", prefer, len(every))
            fields["preference"] = [float(wanted[i]) for i in good.tolist()]
        names = sent_names(next(iter(blocks.values()), None), every, ids)
        fields |= {"ids": [printable(names[i]) for i in good.tolist()]}
        vectors = vector_blocks(blocks, good) if blocks else []
        small = [] if described is None else _miniatures(described, good)
        if small and len(small) <= SENT:
            fields["miniatures"] = small
        begun = await self._begun(fields, vectors)
        if not wait:
            return begun
        ended = await self.wait(begun.id, progress=progress, what="duplicates")
        answer = await self._found(ended.id)
        members = {i for group in answer["groups"] for i in group["members"]}
        if len(small) > SENT and 0 < len(members) <= SENT:  # then those of the groups only, in a second call
            fields["miniatures"] = [each if i in members else "" for i, each in enumerate(small)]
            begun = await self._begun(fields, vectors)
            ended = await self.wait(begun.id, progress=progress, what="compare")
            answer = await self._found(ended.id)
        for remark in answer["remarks"]:
            if BULK in remark and len(good) >= MANY and not answer.get("compared"):  # unrelated ones may be a group
                self.warn(remark)
        errors = [ItemError(each.index, every[each.index], each.code, each.message) for each in errors]
        return Duplicates.of(answer, ids=every, files=files, sent=good, errors=errors)

    @reported(AsyncDuplicates)
    async def found_duplicates(self, id: str) -> Duplicates:
        """Get earlier duplicates by their id; `.ids` are those that the server has. Raises NotFoundError.

        Examples
        --------
        >>> client.found_duplicates(job.id).extra
        """
        answer = await self._found(id)
        return Duplicates.of(answer, ids=answer["ids"], sent=np.arange(answer["n"]), errors=())

    async def _begun(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        return await with_uploads(
            self.transport,
            vectors,
            lambda sent: self.transport.call(FIND_DUPLICATES, fields, vectors=sent),
            retry_for=self.limits.retry_for,
        )

    async def _found(self, id: str) -> Mapping[str, Any]:
        return await self.ask(DUPLICATES, {"id": id})

    async def _hashed(self, images: Images, kind: Kind, progress: bool | None, *, again: bool = False) -> Descriptions:
        """Hash images: SHA-256 on this machine, perceptual hashes on the server."""
        if kind == "near":

            async def describe(items: Sequence[Payload]) -> ImagesAnswer:
                return await self.transport.call(DESCRIBE_IMAGES, {"miniature": True}, items=items)

            return await self._described(images, None, describe, "collect", progress, "describe", again=again)

        async def ask(items: Sequence[Payload]) -> ImagesAnswer:
            hashes = await asyncio.to_thread(lambda: [content_hash(item) for item in items])
            return ImagesAnswer(
                images=[ImageDescription(sha256=each) for each in hashes],
                receipt=NO_MODEL,
                failures={},
                truncated=[],
                request_id=None,
            )

        return await self._described(images, None, ask, "collect", progress, "hash")


def _sizes(described: Descriptions) -> list[float]:
    """The pixels of each image; of equal ones, a still counts more than the first picture of an animation."""
    several = set(described.first_of_many)
    return [
        (image.width or 0) * (image.height or 0) - 0.5 * (i in several) if image else 0
        for i, image in enumerate(described.images)
    ]


def _miniatures(described: Descriptions, good: NDArray[np.int64]) -> list[str]:
    """The miniatures of the items that are sent, empty where there is none; an empty list without any."""
    small = [getattr(described.images[i], "miniature", None) or "" for i in good.tolist()]
    return small if any(small) else []


def _without_blank(
    described: Descriptions, ids: Sequence[str], good: NDArray[np.int64], errors: Sequence[ItemError]
) -> tuple[NDArray[np.int64], list[ItemError]]:
    """The usable items without blank images, and the errors with theirs."""
    blank = [i for i in good.tolist() if (image := described.images[i]) is not None and image.blank]
    new = [ItemError(i, ids[i], "blank_image", BLANK) for i in blank]
    return np.setdiff1d(good, blank), sorted([*errors, *new], key=lambda each: each.index)
