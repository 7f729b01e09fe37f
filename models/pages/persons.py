"""The page of persons: a contact sheet of the faces of each, and the faces to look at."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from models.pages.document import caveats, document, methods_section, parameters_section, section
from models.pages.face_pairs import PAIRS, on_one_picture, pair_box
from models.pages.html import (
    Child,
    Html,
    agree,
    count,
    counted,
    decimals,
    e,
    facts,
    join,
    path_text,
    percent,
    table,
    user_text,
)
from models.pages.items import STYLE, Items, expect
from models.pages.provenance import model_words, receipt_facts

SHEET = 24  # faces of a person that are shown: half of them the most typical, half the least
FOLD = 10  # persons under one heading that can be folded
PERSONS = 1000  # persons listed at most
CLOSE = 100  # faces listed that are close to another person
ORIGINS = {"given": "as requested", "model": "that of the model’s card"}
BLURRED = (
    "With blurred faces these sheets show hair, clothes and surroundings alone, by which groups cannot be checked. "
    'Make the page with pictures="thumbnails" (--pictures thumbnails) to check them, and keep that page to yourself.'
)
Fields = Mapping[str, Any]


def ids(answer: Fields) -> Sequence[str]:
    """Ids of the faces, of which a page may show pictures."""
    return [face["id"] for face in answer["faces"]]


def page(answer: Fields, items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/faces/persons.

    Raises
    ------
    PageError : persons with faces that the answer does not have.
    """
    _check(answer)
    n, persons = len(answer["faces"]), answer["persons"]
    title = f"{counted(n, 'face')} in {counted(len(persons), 'group')}"
    body: list[Child] = [_top(answer, items, title), _sheets(answer, items)]
    if any(face["close"] for face in answer["faces"]):
        body.append(_close_faces(answer, items))
    if any(person["close"] for person in persons):
        body.append(_close_persons(answer, items))
    body.append(methods_section(paragraph(answer)))
    body.append(
        parameters_section({"threshold": answer["threshold"], "margin": answer["margin"], "linkage": "average"})
    )
    body.append(section("Receipt of the vectors", receipt_facts(answer["receipt"])))
    return document(title, body, style=STYLE + PAIRS)


def _check(answer: Fields) -> None:
    n, persons = len(answer["faces"]), answer["persons"]
    expect(bool(persons), "persons: is empty")
    for k, person in enumerate(persons):
        known = all(0 <= i < n and answer["faces"][i]["person"] == k for i in person["faces"])
        expect(known and bool(person["faces"]), f"persons[{k}].faces: are not the faces of person {k}")
        expect(person["person"] == k, f"persons[{k}].person: is {person['person']}")
        _check_other(person, f"persons[{k}]", "nearest", "nearest_cosine", len(persons))
    expect(sum(len(each["faces"]) for each in persons) == n, "persons: have not each face once")
    for i, face in enumerate(answer["faces"]):
        _check_other(face, f"faces[{i}]", "other", "other_cosine", len(persons))


def _check_other(entry: Fields, at: str, name: str, cosine: str, n: int) -> None:
    """Raise PageError unless another person is one of n and has a cosine, or neither is there and nothing is close."""
    other = entry[name]
    expect(other is None or 0 <= other < n, f"{at}.{name}: there is no person {other}")
    expect((other is None) == (entry[cosine] is None), f"{at}.{cosine}: is not null exactly where {name} is not null")
    expect(other is not None or not entry["close"], f"{at}.close: is true without another person in {name}")


def _top(answer: Fields, items: Items, title: str) -> Html:
    faces, persons = answer["faces"], answer["persons"]
    sizes = [len(each["faces"]) for each in persons]
    single, close = sizes.count(1), sum(face["close"] for face in faces)
    largest = max(sizes)
    parts: list[Child] = [
        e("p.kicker", "Report of groups of faces"),
        e("h1", title),
        e(
            "p.lead",
            f"The largest group has {counted(largest, 'face')} ({percent(largest / len(faces))} of all), and "
            f"{counted(single, 'group')} {agree(single, 'has', 'have')} a single face. Groups have numbers: "
            "nobody is named, and the server keeps no vector.",
        ),
        items.note(),
        e("p", BLURRED) if items.mode in ("blurred", "blurred_whole") and items.thumbnails else None,
        caveats([answer["notice"], *answer["remarks"], *items.remarks]),
    ]
    rows: list[tuple[Child, Child]] = [
        ("Faces", count(len(faces))),
        ("Persons", count(len(persons))),
        ("Threshold", f"mean cosine of {answer['threshold']:g}, {ORIGINS[answer['threshold_origin']]}"),
        ("Close to another person", counted(close, "face")),
        ("Corrected by hand", _by_hand(faces) or "no face"),
        ("Model", user_text(answer["model"], 200)),
    ]
    return e("header", parts, facts(rows))


def _sheets(answer: Fields, items: Items) -> Html:
    persons = answer["persons"]
    several = [each for each in persons if len(each["faces"]) > 1][:PERSONS]
    text = (
        "The person with the most faces comes first. The first face of each, with a frame, is the most typical one: "
        f"its mean cosine to the others is the highest. Of more than {SHEET} faces the {SHEET // 2} most and the "
        f"{SHEET // 2} least typical ones are shown. Numbers of persons change when corrections do."
    )
    parts: list[Child] = [e("p.soft", text)]
    for start in range(0, len(several), FOLD):
        some = several[start : start + FOLD]
        first, last = some[0]["person"], some[-1]["person"]
        heading = f"{f'Person {first}' if first == last else f'Persons {first} to {last}'}: {_range(some)}"
        content = [_sheet(answer, items, each) for each in some]
        parts.append(e("details", e("summary", heading), content, at={} if start else {"open": "open"}))
    single = [each for each in persons if len(each["faces"]) == 1]
    if single:
        listed = single[:PERSONS]
        tiles = [
            items.tile(answer["faces"][each["faces"][0]]["id"], f"person {each['person']}", _other(answer, each))
            for each in listed
        ]
        heading = f"{counted(len(single), 'person', 'persons')} with a single face"
        at = {} if several else {"open": "open"}
        more = len(single) - len(listed)
        rest = e("p.soft", f"and {counted(more, 'further one')}") if more else None
        parts.append(e("details", e("summary", heading), items.tiles(tiles), rest, at=at))
    if len(several) == PERSONS:
        parts.append(e("p.soft", f"At most {PERSONS:,} persons are on this page."))
    return section("Contact sheets", parts, items.limit_note())


def _range(some: Sequence[Fields]) -> str:
    most, least = len(some[0]["faces"]), len(some[-1]["faces"])
    if len(some) == 1:
        return counted(most, "face")
    return f"{counted(most, 'face')} each" if most == least else f"{most:,} to {counted(least, 'face')} each"


def _sheet(answer: Fields, items: Items, person: Fields) -> Html:
    faces = person["faces"]
    half = SHEET // 2
    shown = faces if len(faces) <= SHEET else [*faces[:half], *faces[-half:]]
    tiles = []
    for place, i in enumerate(shown):
        face = answer["faces"][i]
        lines: list[Child] = [f"cosine {decimals(_value(face['cosine']), 3)}"]
        if face["close"]:
            lines.append(e("b", f"close to person {face['other']}"))
        if face["moved"]:
            lines.append(e("b", "moved by hand") if face["corrected"] else "moved by corrections of others")
        elif face["corrected"]:
            lines.append("confirmed by hand")
        tiles.append(items.tile(face["id"], *lines, kept=place == 0))
    left = len(faces) - len(shown)
    return e(
        "article.group",
        e("h3", f"Person {person['person']}: {counted(len(faces), 'face')}"),
        e("p.soft", f"Mean cosine of all pairs {decimals(_value(person['cohesion']), 3)}. ", _other(answer, person)),
        items.tiles(tiles),
        e("p.soft", f"and {counted(left, 'further face')} between these") if left else None,
    )


def _other(answer: Fields, person: Fields) -> Child:
    if person["nearest"] is None:
        return None
    text = f"Nearest: person {person['nearest']} ({decimals(person['nearest_cosine'], 3)})"
    return [text, ", ", e("b", "close")] if person["close"] else text


def _by_hand(faces: Sequence[Fields]) -> str:
    """Numbers of faces that corrections moved and confirmed; "" without corrections."""
    moved = sum(face["moved"] for face in faces)
    confirmed = sum(face["corrected"] and not face["moved"] for face in faces)
    return f"{counted(moved, 'face')} moved, {count(confirmed)} confirmed" if moved or confirmed else ""


def _value(number: float | None) -> float:
    return nan if number is None else number


def _close_faces(answer: Fields, items: Items) -> Html:
    threshold = answer["threshold"]
    rows = sorted(
        (face for face in answer["faces"] if face["close"]),
        key=lambda face: (threshold if face["cosine"] is None else face["cosine"]) - face["other_cosine"],
    )
    cells, boxes = [], []
    for face in rows[:CLOSE]:
        own = "single" if face["cosine"] is None else decimals(face["cosine"], 3)
        cosine = decimals(face["other_cosine"], 3)
        together = _together(answer, [face["id"]], face["other"])
        cells.append([path_text(face["id"], 80), count(face["person"]), own, count(face["other"]), cosine, together])
        of_own = "a single face" if face["cosine"] is None else join(["cosine ", own])
        boxes.append(
            pair_box(
                items,
                (face["id"], join([f"person {face['person']}, ", of_own])),
                (_typical(answer, face["other"]), join([f"person {face['other']}, cosine ", cosine])),
                e("b", "same picture") if together else None,
            )
        )
    text = (
        f"The mean cosine of these faces to their own person, or the threshold for a single face, is less than "
        f"{answer['margin']:g} above that to another person. Correct a person in the column person of the table "
        "(to_csv), and send it as corrections. Beside each is the most typical face of that other person. “Same "
        "picture” says that the other person has a face on the picture too: the two are hardly one person."
    )
    heads = ["face", "person", "cosine", "other person", "cosine to it", "same picture"]
    shown = f"The closest {CLOSE} of {count(len(rows))}" if len(rows) > CLOSE else None
    return section(
        "Faces to look at", e("p", text), e("ul.pairs", boxes), table(shown, heads, cells, name="close-faces")
    )


def _typical(answer: Fields, person: int) -> str:
    """The id of the most typical face of a person."""
    return str(answer["faces"][answer["persons"][person]["faces"][0]]["id"])


def _together(answer: Fields, faces: list[str], person: int) -> str:
    """ "yes" where one of the faces is on a picture with a face of the person, else ""."""
    others = [answer["faces"][i]["id"] for i in answer["persons"][person]["faces"]]
    return "yes" if on_one_picture(faces, others) else ""


def _close_persons(answer: Fields, items: Items) -> Html:
    pairs: dict[tuple[int, int], float] = {}
    for person in answer["persons"]:
        if person["close"]:
            low, high = sorted((person["person"], person["nearest"]))
            pairs[low, high] = person["nearest_cosine"]
    listed = sorted(pairs.items(), key=lambda pair: -pair[1])[:CLOSE]
    sizes = [len(each["faces"]) for each in answer["persons"]]
    rows, boxes = [], []
    for (a, b), cosine in listed:
        together = _together(answer, [answer["faces"][i]["id"] for i in answer["persons"][a]["faces"]], b)
        rows.append([f"{a} and {b}", count(sizes[a]), count(sizes[b]), decimals(cosine, 3), together])
        one, other = ((_typical(answer, p), join([f"person {p}, ", counted(sizes[p], "face")])) for p in (a, b))
        same = e("b", "same picture") if together else None
        boxes.append(pair_box(items, one, other, join(["mean cosine ", decimals(cosine, 3)]), same))
    text = (
        f"The mean cosine of these two persons is at most {answer['margin']:g} below the threshold, or above it, where "
        "a correction keeps them apart: they may be one person. The most typical face of each is shown. “Same picture” "
        "says that both have a face on one picture: they are hardly one person."
    )
    heads = ["persons", "faces of one", "faces of the other", "mean cosine", "same picture"]
    return section(
        "Persons that may be one", e("p", text), e("ul.pairs", boxes), table(None, heads, rows, name="close-persons")
    )


def paragraph(answer: Fields) -> str:
    """Method and result in the past tense, with the parameters and figures of this answer."""
    faces, persons = answer["faces"], answer["persons"]
    single = sum(len(each["faces"]) == 1 for each in persons)
    sentences = [
        f"We grouped {counted(len(faces), 'face')} by average linkage of the cosines of their vectors, from "
        f"{model_words(answer['model'], answer['receipt'])}, cut at a mean cosine of {answer['threshold']:g} "
        f"({ORIGINS[answer['threshold_origin']].replace('as requested', 'set by us')}).",
        f"This gave {counted(len(persons), 'group')}, {count(single)} of a single face.",
    ]
    if by_hand := _by_hand(faces):
        sentences.append(f"Corrections by hand were kept exactly: {by_hand}, compared with the groups without them.")
    sentences.append(
        "Groups were not named. The server kept no vectors; a file of them is kept until its owner deletes it. "
        "Computed with Daguerre."
    )
    return " ".join(sentences)
