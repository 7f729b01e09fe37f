"""Pages of answers: an answer comes back with a few images, and becomes one HTML file. Nothing of it is kept."""

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from models.errors import quoted
from models.pages import (
    agreement,
    analyses,
    coder_groups,
    duplicates,
    estimate,
    estimates,
    evaluation,
    face_matches,
    face_verification,
    labels,
    multiverse,
    persons,
    sample,
    search,
    validation,
    zero_shot,
)
from models.pages.items import Items, thumbnail_side
from models.stopping import Check
from service.errors import NotFound, Unprocessable
from service.inference.engine import Engine
from service.pipelines.images import small_stills, thumbnails
from service.pipelines.items import Item, check_count
from service.schemas.analyses import AnalysesAnswer
from service.schemas.annotation import AgreementAnswer, SampleAnswer
from service.schemas.classifiers import EstimateAnswer
from service.schemas.clusters import PageMode
from service.schemas.coders import CoderGroupsAnswer
from service.schemas.duplicates import DuplicatesAnswer
from service.schemas.estimates import EstimateCorpusAnswer
from service.schemas.evaluations import EvaluationAnswer
from service.schemas.face_comparison import FaceMatchesAnswer, PersonsAnswer, VerificationAnswer
from service.schemas.labels import LabelsPageAnswer
from service.schemas.multiverses import MultiverseAnswer
from service.schemas.pages import AnswerPage, AnswerPageRequest
from service.schemas.search import SearchAnswer
from service.schemas.validation import validated_in_pieces
from service.schemas.validations import ValidationAnswer
from service.schemas.zero_shot import ZeroShotAnswer

QUALITY = 45  # of the JPEGs
STILL, BLURRED_STILL = 320, 160  # pixels of the longer side of a frame with blurred faces, and of a blurred one
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class PageKind:
    """A kind of page.

    Attributes
    ----------
    schema : of the operation's answer.
    page : makes the HTML of a validated answer; raises PageError.
    ids : ids of the items of which the page may show pictures; an item without an id is named by its index.
    side : pixels of the longer side of a picture, where it has to be longer than on other pages.
    """

    schema: type[BaseModel]
    page: Callable[[Fields, Items], str]
    ids: Callable[[Fields], Iterable[str]]
    side: int = 0


KINDS: Mapping[str, PageKind] = {
    "duplicates": PageKind(DuplicatesAnswer, duplicates.page, duplicates.ids),
    "zero-shot": PageKind(ZeroShotAnswer, zero_shot.page, zero_shot.ids),
    "analyses": PageKind(AnalysesAnswer, analyses.page, analyses.ids, analyses.SIDE),
    "search": PageKind(SearchAnswer, search.page, search.ids),
    "sample": PageKind(SampleAnswer, sample.page, sample.ids),
    "agreement": PageKind(AgreementAnswer, agreement.page, agreement.ids),
    "coder-groups": PageKind(CoderGroupsAnswer, coder_groups.page, coder_groups.ids),
    "validation": PageKind(ValidationAnswer, validation.page, validation.ids),
    "estimate": PageKind(EstimateAnswer, estimate.page, estimate.ids),
    "evaluation": PageKind(EvaluationAnswer, evaluation.page, evaluation.ids),
    "estimates": PageKind(EstimateCorpusAnswer, estimates.page, estimates.ids),
    "face-matches": PageKind(FaceMatchesAnswer, face_matches.page, face_matches.ids),
    "persons": PageKind(PersonsAnswer, persons.page, persons.ids),
    "face-verification": PageKind(VerificationAnswer, face_verification.page, face_verification.ids),
    "labels": PageKind(LabelsPageAnswer, labels.page, labels.ids),
    "multiverse": PageKind(MultiverseAnswer, multiverse.page, multiverse.ids),
}


async def page(engine: Engine, kind: str, request: AnswerPageRequest, items: Sequence[Item] | None) -> AnswerPage:
    """The page of an answer, with small versions of the images in `items`.

    Raises
    ------
    NotFound : there is no such kind of page.
    Unprocessable : the answer is not one of this operation, or an item is none of its items.
    PageError : the answer contradicts itself.
    ItemsFailed : images that cannot be decoded.
    """
    if kind not in KINDS:
        raise NotFound(f"kind: there is no page of {quoted(kind)}; there are {', '.join(KINDS)}", code="unknown_page")
    row = KINDS[kind]
    given = items or ()
    if given:
        check_count(engine, given)
    for i, item in enumerate(given):
        if item.id is None:
            raise Unprocessable(f"input[{i}]: has no id; send images and texts with the ids of items", param="input")
    answer, known = await engine.compute(lambda check: _validated(row, request.answer))
    if (unknown := next((item.id for item in given if item.id not in known), None)) is not None:
        raise Unprocessable(f"input: {quoted(unknown)} is the id of no item of the answer; use its ids", param="input")
    images = [] if request.pictures == "none" else [item for item in given if item.image is not None]
    small = await thumbnails(
        engine,
        [replace(item, text=None) for item in images],
        side=max(row.side, thumbnail_side(len(images))),
        quality=QUALITY,
        mode=request.pictures,
    )
    shown = Items(
        mode=request.pictures,
        thumbnails=small,
        texts={str(item.id): item.text for item in given if item.text is not None},
        captions=request.captions or {},
        remarks=tuple(request.remarks or ()),
    )

    def draw(check: Check) -> AnswerPage:
        html = row.page(answer, shown)
        check()
        return AnswerPage(html=html, shown=list(shown.shown))

    page = await engine.compute(draw)
    if shown.wanted_stills:  # frames of videos, which the page blurs: it is drawn again with those that it asked for
        stills = await blurred_stills(engine, shown.wanted_stills, request.pictures)
        shown = replace(shown, stills=stills, shown={}, wanted_stills={})
        page = await engine.compute(draw)
    return page


async def blurred_stills(engine: Engine, wanted: Iterable[str], mode: PageMode) -> dict[str, bytes]:
    """Blurred frames by the base64 of the answer's; those that are no images are left out."""
    stills: dict[str, bytes] = {}
    for given in wanted:
        with suppress(ValueError):
            stills[given] = b64decode(given)
    side = STILL if mode == "blurred" else BLURRED_STILL
    found, _ = await small_stills(engine, stills, side=side, quality=QUALITY, mode=mode)
    return found


def _validated(row: PageKind, answer: Fields) -> tuple[Fields, frozenset[str]]:
    """A complete answer, and the ids of its items. Call it in a thread."""
    checked = validated_in_pieces(row.schema, answer, at="answer").model_dump()
    return checked, frozenset(row.ids(checked))
