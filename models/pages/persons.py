"""The page of persons: a contact sheet of the faces of each, and the faces to look at."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from models.pages.document import caveats, document, methods_section, parameters_section, section
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
    title = f"{counted(n, 'face')} of probably {counted(len(persons), 'person', 'persons')}"
    body: list[Child] = [_top(answer, items, title), _sheets(answer, items)]
    if any(face["close"] for face in answer["faces"]):
        body.append(_close_faces(answer, items))
    if any(person["close"] for person in persons):
        body.append(_close_persons(answer))
    body.append(methods_section(paragraph(answer)))
    body.append(
        parameters_section({"threshold": answer["threshold"], "margin": answer["margin"], "linkage": "average"})
    )
    body.append(section("Receipt of the vectors", receipt_facts(answer["receipt"])))
    return document(title, body, style=STYLE)


def _check(answer: Fields) -> None:
    n, persons = len(answer["faces"]), answer["persons"]
    expect(bool(persons), "persons: is empty")
    for k, person in enumerate(persons):
        known = all(0 <= i < n and answer["faces"][i]["person"] == k for i in person["faces"])
        expect(known and bool(person["faces"]), f"persons[{k}].faces: are not the faces of person {k}")
        expect(person["person"] == k, f"persons[{k}].person: is {person['person']}")
        nearest = person["nearest"]
        expect(nearest is None or nearest < len(persons), f"persons[{k}].nearest: there is no person {nearest}")
    expect(sum(len(each["faces"]) for each in persons) == n, "persons: have not each face once")
    others = all(face["other"] is None or face["other"] < len(persons) for face in answer["faces"])
    expect(others, "faces: the other person of one is none of the persons")


def _top(answer: Fields, items: Items, title: str) -> Html:
    faces, persons = answer["faces"], answer["persons"]
    sizes = [len(each["faces"]) for each in persons]
    single, close = sizes.count(1), sum(face["close"] for face in faces)
    corrected = sum(face["corrected"] for face in faces)
    largest = max(sizes)
    parts: list[Child] = [
        e("p.kicker", "Report of groups of faces"),
        e("h1", title),
        e(
            "p.lead",
            f"The largest group has {counted(largest, 'face')} ({percent(largest / len(faces))} of all), and "
            f"{counted(single, 'person', 'persons')} {agree(single, 'has', 'have')} a single face. Groups are numbers: "
            "nobody is named, and no vector is kept.",
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
        ("Corrected by hand", counted(corrected, "face")),
        ("Model", user_text(answer["model"], 200)),
    ]
    return e("header", parts, facts(rows))


def _sheets(answer: Fields, items: Items) -> Html:
    persons = answer["persons"]
    several = [each for each in persons if len(each["faces"]) > 1][:PERSONS]
    text = (
        "Persons by falling number of faces. The first face of each, with a frame, is the most typical one: its mean "
        f"cosine to the others is the highest. Of more than {SHEET} faces the {SHEET // 2} most and the {SHEET // 2} "
        "least typical ones are shown. Numbers of persons change when corrections do."
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
        if face["corrected"]:
            lines.append("by hand")
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


def _value(number: float | None) -> float:
    return nan if number is None else number


def _close_faces(answer: Fields, items: Items) -> Html:
    threshold = answer["threshold"]
    rows = sorted(
        (face for face in answer["faces"] if face["close"]),
        key=lambda face: (threshold if face["cosine"] is None else face["cosine"]) - face["other_cosine"],
    )
    cells = [
        [
            join([items.picture(face["id"]), path_text(face["id"], 80)]),
            count(face["person"]),
            "single" if face["cosine"] is None else decimals(face["cosine"], 3),
            count(face["other"]),
            decimals(face["other_cosine"], 3),
        ]
        for face in rows[:CLOSE]
    ]
    text = (
        f"The mean cosine of these faces to their own person, or the threshold for a single face, is less than "
        f"{answer['margin']:g} above that to another person. Correct a person in the column person of the table "
        "(to_csv), and send it as corrections."
    )
    heads = ["face", "person", "cosine", "other person", "cosine to it"]
    shown = f"The closest {CLOSE} of {count(len(rows))}" if len(rows) > CLOSE else None
    return section("Faces to look at", e("p", text), table(shown, heads, cells, name="close-faces"))


def _close_persons(answer: Fields) -> Html:
    pairs: dict[tuple[int, int], float] = {}
    for person in answer["persons"]:
        if person["close"]:
            low, high = sorted((person["person"], person["nearest"]))
            pairs[low, high] = person["nearest_cosine"]
    listed = sorted(pairs.items(), key=lambda pair: -pair[1])[:CLOSE]
    sizes = [len(each["faces"]) for each in answer["persons"]]
    rows = [[f"{a} and {b}", count(sizes[a]), count(sizes[b]), decimals(cosine, 3)] for (a, b), cosine in listed]
    text = (
        f"The mean cosine of these two persons is at most {answer['margin']:g} below the threshold, or above it, where "
        "a correction keeps them apart: they may be one person."
    )
    heads = ["persons", "faces of one", "faces of the other", "mean cosine"]
    return section("Persons that may be one", e("p", text), table(None, heads, rows, name="close-persons"))


def paragraph(answer: Fields) -> str:
    """Method and result in the past tense, with the parameters and figures of this answer."""
    faces, persons = answer["faces"], answer["persons"]
    corrected = sum(face["corrected"] for face in faces)
    single = sum(len(each["faces"]) == 1 for each in persons)
    sentences = [
        f"We grouped {counted(len(faces), 'face')} by average linkage of the cosines of their vectors, from "
        f"{model_words(answer['model'], answer['receipt'])}, cut at a mean cosine of {answer['threshold']:g} "
        f"({ORIGINS[answer['threshold_origin']].replace('as requested', 'set by us')}).",
        f"This gave {counted(len(persons), 'group')}, {count(single)} of a single face.",
    ]
    if corrected:
        sentences.append(f"Corrections by hand named {counted(corrected, 'face')} and were kept exactly.")
    sentences.append("Groups were not named, and vectors were not kept. Computed with Daguerre.")
    return " ".join(sentences)
