"""Comparisons of faces by vectors that the caller sends. Nothing is kept, and nothing has a name."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from models.analysers.table import ANALYSERS
from models.errors import quoted
from models.faces import matches as of_matches
from models.faces.coded_pairs import coded_pairs
from models.faces.persons import Persons, group_persons
from models.faces.vectors import threshold_of, units_of
from models.faces.verification import verify
from models.stopping import Check
from service.errors import TooLarge, Unprocessable
from service.inference import switches
from service.inference.engine import Engine
from service.pipelines.annotation import plain
from service.pipelines.items import VectorInput, checked_ids
from service.schemas import face_comparison as schema

MOST_MATCHES = 100_000  # listed faces of one answer, a second of one core, in which others are answered more slowly
NOTICE = (
    "Similar faces are no proof of one person, and vectors of faces are biometric data. Errors differ between groups "
    "of people and kinds of pictures: check them on pairs of your own (verification). Persons are numbers, not names."
)


def require(engine: Engine) -> None:
    """Raise Forbidden unless the owner of the server permits the comparison of faces."""
    switches.require(engine.settings, ["face_vectors"], param="vectors")


def _threshold(engine: Engine, given: float | None, faces: VectorInput) -> tuple[float, str]:
    """The threshold and its origin. Raises FaceError where there is none."""
    known = [*(each.spec for each in engine.analysers), *ANALYSERS.values()]
    specs = (spec for spec in known if spec.kind == "face_vectors")
    own = next((spec.settings.get("threshold") for spec in specs if spec.fingerprint() == faces.fingerprint), None)
    return threshold_of(given, faces.model, own if isinstance(own, float) else None)


def one_block(blocks: Sequence[VectorInput] | None, name: str = "vectors") -> VectorInput:
    """The only block of vectors of faces. Raises Unprocessable."""
    if not blocks:
        raise Unprocessable(f"{name}: are missing; send the vectors of faces as one block", param=name)
    block = blocks[0]
    if len(blocks) > 1 or block.modality != "face":
        raise Unprocessable(
            f'{name}: has vectors of modality {quoted(blocks[-1].modality)}; send one block of modality "face", from '
            "the analyser face_vectors",
            code="unsupported_modality",
            param=name,
        )
    return block


def match_faces(
    engine: Engine, request: schema.FaceMatchesRequest, faces: VectorInput, targets: VectorInput, check: Check
) -> schema.FaceMatchesAnswer:
    """The faces nearest to each target. Raises FaceError, Unprocessable, TooLarge."""
    if targets.fingerprint != faces.fingerprint:
        raise Unprocessable(
            f"targets: their fingerprint is {quoted(targets.fingerprint)}, that of the faces "
            f"{quoted(faces.fingerprint)}; make both with one model",
            code="fingerprint_mismatch",
            param="targets",
        )
    if targets.rows.shape[1] != faces.rows.shape[1]:
        raise Unprocessable(
            f"targets: have {targets.rows.shape[1]} numbers each, the faces {faces.rows.shape[1]}; make both with one "
            "model",
            param="targets",
        )
    top = min(request.top, len(faces.rows))
    if len(targets.rows) * top > MOST_MATCHES:
        raise TooLarge(
            f"top: {top:,} faces of {len(targets.rows):,} targets are {top * len(targets.rows):,}, at most "
            f"{MOST_MATCHES:,} are listed in one answer; ask for fewer faces of each, or for some targets at a time",
            code="too_many_neighbours",
            param="top",
        )
    threshold, origin = _threshold(engine, request.threshold, faces)
    names, ids = _ids(request.target_ids, targets, "target_ids"), _ids(request.ids, faces)
    found = of_matches.match_faces(targets.rows, faces.rows, names, ids, threshold, top, check)
    data = []
    for i, name in enumerate(names):
        listed = [
            {"index": j, "id": ids[j], "cosine": cosine, "distance": 1 - cosine, "match": found.is_match(cosine)}
            for j, cosine in found.faces[i]
        ]
        counts = {"matches": int(found.counts[i]), "itself": int(found.itself[i])}
        data.append({"index": i, "id": name, **counts, "faces": listed})
    return schema.FaceMatchesAnswer.model_validate(
        {"n": len(faces.rows), "data": data, **_common(faces, threshold, origin)}
    )


def group(engine: Engine, request: schema.PersonsRequest, faces: VectorInput, check: Check) -> schema.PersonsAnswer:
    """Groups of faces of one person each. Raises FaceError, Unprocessable."""
    threshold, origin = _threshold(engine, request.threshold, faces)
    ids = _ids(request.ids, faces)
    found = group_persons(
        faces.rows,
        ids,
        threshold,
        same=request.same,
        different=request.different,
        margin=request.margin,
        check=check,
    )
    columns = {
        "id": ids,
        "person": found.labels.tolist(),
        "cosine": found.cosines.tolist(),
        "other": [None if other < 0 else other for other in found.others.tolist()],
        "other_cosine": found.other_cosines.tolist(),
        "close": found.close.tolist(),
        "corrected": found.corrected.tolist(),
        "moved": found.moved.tolist(),
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    answer = {
        "margin": request.margin,
        "persons": [{"person": number, **asdict(each)} for number, each in enumerate(found.persons)],
        "faces": rows,
        "remarks": _remarks(found, threshold),
        **_common(faces, threshold, origin),
    }
    return schema.PersonsAnswer.model_validate(plain(answer))


def _remarks(found: Persons, threshold: float) -> list[str]:
    n, remarks = len(found.labels), []
    if n == 1:
        remarks.append("there is one face, so that nothing was compared")
    if threshold == 1:
        remarks.append("at a threshold of 1 only faces with equal vectors are put together")
    if threshold == -1:
        remarks.append("at a threshold of -1 all faces are put together that no correction keeps apart")
    if close := int(found.close.sum()):
        remarks.append(f"{close:,} of {_are(n, 'face')} close to another person: look at each")
    if close := sum(each.close for each in found.persons):
        remarks.append(f"{close:,} of {_are(len(found.persons), 'group')} close to another one: two may be one person")
    weak = [
        number
        for number, each in enumerate(found.persons)
        if each.corrected and each.cohesion is not None and each.cohesion < threshold
    ]
    if weak:
        remarks.append(
            f"{len(weak):,} {'person' if len(weak) == 1 else 'persons'} put together by hand with a mean cosine below "
            f"the threshold: {', '.join(map(str, weak[:5]))}{' and others' if len(weak) > 5 else ''}"
        )
    return remarks


def _are(n: int, noun: str) -> str:
    """A number with its noun and verb."""
    return f"{n:,} {noun} is" if n == 1 else f"{n:,} {noun}s are"


def verification(
    engine: Engine, request: schema.VerificationRequest, faces: VectorInput, check: Check
) -> schema.VerificationAnswer:
    """Error rates by coded pairs. Raises FaceError, Unprocessable."""
    threshold, origin = _threshold(engine, request.threshold, faces)
    ids = _ids(request.ids, faces)
    units = units_of(faces.rows, ids)
    pairs = coded_pairs(
        ids,
        pairs=None if request.pairs is None else [(each.a, each.b, each.same) for each in request.pairs],
        persons=_codes(request.persons),
        groups=_codes(request.groups),
    )
    found = verify(units, pairs, threshold, wished=request.wished, check=check)
    fields = asdict(found)
    for name in ("highest_different", "lowest_same"):
        fields[name] = [
            {
                **each,
                **{side: ids[each[side]] for side in ("a", "b")},
                **{f"{side}_person": request.persons[each[side]] for side in ("a", "b") if request.persons},
            }
            for each in fields[name]
        ]
    if uncoded := int((pairs.person < 0).sum()):
        fields["remarks"] = [f"{uncoded:,} of {len(ids):,} faces without a person: left out", *fields["remarks"]]
    return schema.VerificationAnswer.model_validate(
        plain(
            {
                **fields,
                "faces": len(ids),
                "persons_origin": "pairs" if request.persons is None else "given",
                **_common(faces, threshold, origin),
            }
        )
    )


def _codes(codes: Sequence[str] | None) -> list[str | None] | None:
    return None if codes is None else [each or None for each in codes]


def _ids(given: Sequence[str] | None, faces: VectorInput, param: str = "ids") -> tuple[str, ...]:
    n = len(faces.rows)
    if given is not None and len(given) != n:
        raise Unprocessable(
            f"{param}: {len(given)} for {n} faces; give one for each", code="lengths_differ", param=param
        )
    return checked_ids(given or faces.ids or [str(i) for i in range(n)], n)


def _common(faces: VectorInput, threshold: float, origin: str) -> Mapping[str, Any]:
    return {
        "threshold": threshold,
        "threshold_origin": origin,
        "model": faces.model,
        "receipt": faces.receipt or {"model": faces.model, "fingerprint": faces.fingerprint},
        "notice": NOTICE,
    }
