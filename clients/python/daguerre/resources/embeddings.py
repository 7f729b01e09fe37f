"""Methods of the client for embeddings."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from daguerre.dispatch.collect import OnError
from daguerre.dispatch.vectors import MODALITIES, EmbeddingsLike, embeddings_of, items_or_embeddings
from daguerre.errors import RemarkWarning
from daguerre.inputs.columns import plain, repeated_labels
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images, Texts, images_or_texts, text_column
from daguerre.results.base import Errors
from daguerre.results.embeddings import Embeddings
from daguerre.session import Session
from daguerre.transport.operations import EMBED
from daguerre.types.common import MARKS, Decode, Payload
from daguerre.types.embeddings import EmbedAnswer, EmbedOptions


class EmbeddingMethods(Session):
    """Embeddings of items."""

    async def embed(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        ids: Sequence[str] | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        dimensions: int | None = None,
        fingerprint: str | None = None,
        crops: Any = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Embeddings:
        """Embed images or texts as unit vectors.

        Parameters
        ----------
        images : a folder (with its subfolders), a path, a glob such as "photos/**/*.jpg", bytes, an open file, a PIL
            image, an array or tensor, any iterable of these, a column of a table, or a mapping {id: image}. Files of
            folders and globs are taken where their ending or their first bytes are those of an image; a warning counts
            the others. Arrays are uint8, masks of bool, or floats in 0..1 or 0..255: (h, w), (h, w, 1), (h, w, 3),
            (h, w, 4), (3, h, w), or n of these. A missing value is an item without a result.
        texts : a text, any iterable of texts, a column of a table, or a mapping {id: text}. Either images or texts.
        ids : one for each item, in place of its path relative to the folder that is given (or to the common parent of
            several sources), its key or its number.
        model : model name, in place of the client's.
        decode : "exact", or "scaled", which is faster for large JPEGs and has a fingerprint of its own; None: the
            server's setting.
        dimensions : length of the vectors, for Matryoshka models.
        fingerprint : expected fingerprint, for example that of earlier vectors.
        crops : a rectangle of each image in place of all of it: a list with one for each image (a Crop, x, y, width and
            height, or None), or a table with the columns id or path, x, y, width, height and perhaps margin, in pixels
            of the upright picture. A table gives one item for each row, with an id such as "photo.jpg#0".
        on_error : "collect": failed items are listed in `.errors`, with rows of NaN. "raise": the first failed item
            raises ItemFailedError.
        progress : whether to show a progress bar, in place of the client's setting.

        Returns
        -------
        Embeddings : `.vectors` (n, d) float32, `.ids`, `.errors`, `.receipt`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.
        FileNotFoundError, TypeError, ValueError : the input does not exist, or cannot be an image or a text.

        Examples
        --------
        >>> client = Client()
        >>> X = client.embed(images="photos/")
        >>> X.vectors.shape
        (3, 1280)
        """
        items, total = images_or_texts(with_crops(images, crops), texts, ids)
        options = EmbedOptions(model=model or self.default_model, decode=decode, dimensions=dimensions)

        async def ask(items: Sequence[Payload]) -> EmbedAnswer:
            return await self.transport.call(EMBED, options.fields(), items=items)

        gathered = await self.gather(items, total, ask, on_error, progress, "embed", fingerprint)
        answers = gathered.answers
        if not answers:
            card = await self.card(options.model)
            width, receipt = dimensions or card.dimension, card.receipt(decode)
        else:
            width, receipt = max(a.vectors.shape[1] for _, a in answers), answers[0][1].receipt
            if not width:
                width = dimensions or (await self.card(options.model)).dimension
        vectors = gathered.spread(lambda answer: answer.vectors, width)
        return Embeddings(
            ids=gathered.ids,
            files=gathered.files,
            errors=gathered.errors,
            receipt=receipt,
            vectors=vectors,
            tokens=sum(answer.tokens for _, answer in answers),
            modality="image" if texts is None else "text",
            servers=gathered.servers,
            cached=gathered.cached,
            **gathered.marks,
        )

    async def _embedded(
        self,
        images: Images | None,
        texts: Texts | None,
        embeddings: EmbeddingsLike | None,
        model: str | None,
        decode: Decode | None,
        progress: bool | None,
        *,
        taken: Sequence[str] = MODALITIES,
    ) -> dict[str, Embeddings]:
        items_or_embeddings(images, texts, embeddings)
        if embeddings is not None:
            return await embeddings_of(embeddings, taken)
        blocks: dict[str, Embeddings] = {}
        if images is not None:
            blocks["image"] = await self.embed(images=images, model=model, decode=decode, progress=progress)
        if texts is not None:
            items, keys = text_column(texts)
            if remark := repeated_labels(texts, "texts"):
                self.warn(RemarkWarning(remark))
            given = [plain(text) for text in items]
            there = [text for text in given if text is not None]
            embedded = await self.embed(texts=there, model=model, decode=decode, progress=progress)
            ids = [str(i) for i in range(len(given))] if keys is None else keys
            blocks["text"] = _spread(embedded, [text is not None for text in given], ids)
        if not blocks:
            raise ValueError("give images, texts, or embeddings")
        return await embeddings_of(blocks)


def _spread(embedded: Embeddings, there: Sequence[bool], ids: list[str]) -> Embeddings:
    """Insert rows of NaN for the items that are not there."""
    places = np.flatnonzero(there).tolist()
    at = [(each, places[each.index]) for each in embedded.errors]
    vectors = np.full((len(there), embedded.vectors.shape[1]), np.nan, np.float32)
    vectors[places] = embedded.vectors
    marks: dict[str, Any] = {name: [places[i] for i in getattr(embedded, name)] for name in MARKS}
    return replace(
        embedded,
        vectors=vectors,
        ids=ids,
        files=ids,
        errors=Errors([replace(each, index=place, id=ids[place]) for each, place in at]),
        **marks,
    )
