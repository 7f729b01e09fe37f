"""Pages of answers: all figures are there, text of users is escaped, and what contradicts itself is refused."""

import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import PageError
from models.images.thumbnail import thumbnail
from models.pages.estimate import paragraph as estimate_paragraph
from models.pages.items import PICTURES, Items
from service.pipelines.pages import KINDS
from tests.models.page_reader import Read
from tests.models.pages.answers import HOSTILE, MAKERS, agreement, coder_groups, duplicates, sample, search, zero_shot

PLURALS = re.compile(r"(?<![\d.,–-])1[ \u00a0](?:\w+ )?(?:items|groups|coders|images|labels|strata|queries)\b")


def jpeg(*, blurred: bool = False) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    return thumbnail(Image.fromarray(pixels), blurred=blurred)


def made(kind: str, answer: dict[str, Any], **items: Any) -> tuple[str, list[str]]:
    """The page of a validated answer as plain text, and the ids that it shows."""
    complete = KINDS[kind].schema.model_validate(answer).model_dump()
    shown = Items(**items)
    html = KINDS[kind].page(complete, shown)
    return html, list(shown.shown)


def text_of(html: str) -> str:
    parser = HTMLParser()
    parts: list[str] = []
    parser.handle_data = parts.append  # type: ignore[method-assign]
    parser.feed(html)
    return re.sub(r"\s+", " ", " ".join(parts))


class Tags(HTMLParser):
    """The tags of a page, and the names of its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("mode", ["thumbnails", "blurred", "none"])
def test_text_of_users_is_escaped(kind: str, mode: str) -> None:
    answer = MAKERS[kind](HOSTILE)
    known = list(KINDS[kind].ids(KINDS[kind].schema.model_validate(answer).model_dump()))
    pictures = dict.fromkeys(known, jpeg(blurred=mode == "blurred"))
    texts = dict.fromkeys(known, HOSTILE)
    html, shown = made(kind, answer, mode=mode, thumbnails=pictures, texts=texts, captions=texts, remarks=(HOSTILE,))
    found = Tags(html)
    assert "script" not in found.tags
    assert "onerror" not in found.names
    assert ("img" in found.tags) == (mode != "none")
    assert html.encode()  # no half of a surrogate pair
    assert set(shown) <= set(known)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_page_is_complete_without_pictures_and_lists_what_it_would_show(kind: str) -> None:
    html, shown = made(kind, MAKERS[kind]())
    assert html.startswith("<!doctype html>")
    assert shown
    assert "methods section" in html
    assert "<img" not in html
    again, same = made(kind, MAKERS[kind](), thumbnails=dict.fromkeys(shown, jpeg()))
    assert same == shown
    assert again.count("<img") >= len(shown)


def test_duplicates_show_the_kept_item_first_and_the_bits_of_the_others() -> None:
    html, shown = made("duplicates", duplicates())
    text = text_of(html)
    assert shown == ["b.jpg", "c.jpg", "a.jpg", "d.jpg", "e.jpg"]
    assert "2 of 6 items could go" in text
    assert "3 bits of 64 differ" in text
    assert "same hash" in text
    assert "at most 8 of 64 bits" in text
    assert text.count("kept") >= 2


def test_a_search_for_duplicates_by_an_index_says_the_share_found() -> None:
    changes = {"kind": "semantic", "threshold": 0.9, "method": "approximate"}
    recall = {"rows": 1000, "pairs": 2000, "found": 1998}
    text = text_of(made("duplicates", duplicates(**changes, recall=recall))[0])
    assert "approximate, by an index: some can be missing; 1,998 of 2,000 pairs of 1,000 random items found" in text
    assert text.count("1,998 of 2,000") == 2  # in the paragraph on methods too
    for none in (None, {**recall, "pairs": 0, "found": 0}):
        text = text_of(made("duplicates", duplicates(**changes, recall=none))[0])
        assert text.count("the share of pairs found is not known") == 2
    exact = text_of(made("duplicates", duplicates(**{**changes, "method": "exact"}))[0])
    assert "all pairs were compared" in exact


def test_zero_shot_shows_the_best_and_the_borderline_items() -> None:
    html, shown = made("zero-shot", zero_shot())
    text = text_of(html)
    assert shown == ["x", "y", "1"]
    assert "not probabilities of your data" in text
    assert "2 images have several pictures" in text
    assert re.search(r"margin below 0.1", text)
    assert "66.7" in text  # two of the three items that could be used


def test_zero_shot_of_independent_labels_counts_scores_above_a_half() -> None:
    entry = {"index": 0, "id": "x", "label": "a cat", "scores": [0.9, 0.8], "cosines": [0.3, 0.1]}
    html, _ = made("zero-shot", zero_shot(data=[entry], negatives=["something else"]))
    assert "100.0" in text_of(html)
    assert "each label by itself" in html


def test_a_search_names_queries_without_an_id() -> None:
    _, shown = made("search", search())
    assert shown == ["q.jpg", "c", "7", "query 1"]


def test_a_sample_lists_its_strata_with_weights() -> None:
    html, shown = made("sample", sample())
    text = text_of(html)
    assert shown == ["i4", "i1", "i10"]
    assert "5.00" in text  # the weight of a probability of 0.2
    assert "seed 7" in text


def test_strata_are_sorted_and_items_in_no_cluster_are_named() -> None:
    names = ["10", "-1", "9", "2"]
    strata = [{"stratum": name, "population": 2, "drawn": 1, "probability": 0.5} for name in names]
    lists = {"indexes": [0, 1, 2, 3], "ids": list("abcd"), "inclusion_prob": [0.5] * 4, "stratum": names}
    html, shown = made("sample", sample(strata=strata, **lists))
    assert [row[0] for row in Read(html).rows if row[1:3] == ["2", "1"]] == ["2", "9", "10", "-1 (in no cluster)"]
    assert shown == ["d", "c", "a", "b"]
    assert "Stratum -1 (in no cluster) : 1 item drawn" in text_of(html)
    assert "1 item of each was drawn" in text_of(html)
    strata[0]["stratum"] = lists["stratum"][0] = "a party"  # -1 is then no cluster
    text = text_of(made("sample", sample(strata=strata, **lists))[0])
    assert "in no cluster" not in text


def test_an_image_that_is_searched_for_is_named_by_its_caption() -> None:
    html, _ = made("search", search(), captions={"query 1": "bird.png"}, thumbnails={"query 1": jpeg()})
    text = text_of(html)
    assert "query 1" not in text
    assert 'alt="bird.png"' in html
    assert "query: bird.png" in text


def test_a_purposive_sample_says_that_it_does_not_generalise() -> None:
    answer = sample(design="purposive", inclusion_prob=None, strata=[], stratum=None, fit_for_inference=False, ids=None)
    html, shown = made("sample", answer)
    assert shown == ["4", "10", "1"]
    assert "do not hold for the corpus" in html


def test_a_page_has_a_limited_number_of_pictures() -> None:
    n = 5000
    group = {"representative": 0, "members": [0, 1], "similarity": [1.0, 1.0]}
    groups = [{**group, "representative": i, "members": [i, i + 1]} for i in range(0, n, 2)]
    answer = duplicates(n=n, ids=[f"{i}.jpg" for i in range(n)], groups=groups, related=[], unusable=[])
    html, shown = made("duplicates", answer)
    assert len(shown) == PICTURES
    assert "At most 600 items" in html
    assert len(html) < 2_000_000


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("duplicates", {"n": 7}),
        ("duplicates", {"groups": [{"representative": 9, "members": [0, 9], "similarity": [1, 1]}]}),
        ("duplicates", {"groups": [{"representative": 0, "members": [], "similarity": []}]}),
        ("duplicates", {"groups": [{"representative": 0, "members": [-1, 0], "similarity": [1, 1]}]}),
        ("duplicates", {"groups": [{"representative": 0, "members": [0, 1], "similarity": [1]}]}),
        ("zero-shot", {"labels": ["one"]}),
        ("zero-shot", {"labels": []}),
        ("sample", {"ids": ["only one"]}),
        ("sample", {"inclusion_prob": []}),
        ("agreement", {"by_coder": [{"coder": "a", "codes": 1, "counts": [1, 2, 3]}]}),
        ("agreement", {"differ": [{"item": "p", "coders": ["a"], "codes": []}]}),
        ("coder-groups", {"groups": []}),
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(PageError, match=r"^answer\..*send the answer unchanged$"):
        made(kind, MAKERS[kind](**changes))


def test_a_blurred_page_takes_blurred_pictures_alone() -> None:
    with pytest.raises(ValueError, match="not blurred"):
        Items(mode="blurred", thumbnails={"a": jpeg()})


def test_an_empty_answer_has_a_page() -> None:
    html, shown = made("duplicates", duplicates(n=0, ids=[], groups=[], related=[], unusable=[], remarks=[]))
    assert "No duplicates" in html
    assert not shown
    html, _ = made("zero-shot", zero_shot(data=[]))
    assert "0" in html
    html, _ = made("search", search(data=[]))
    html, _ = made("sample", sample(indexes=[], ids=[], inclusion_prob=[], strata=[], stratum=[], n=0))
    assert io.StringIO(html).read()


def test_nouns_and_verbs_agree_with_one() -> None:
    group = {"representative": 0, "members": [0, 1], "similarity": [1.0, 1.0]}
    one = duplicates(groups=[group], extra=1)
    text = text_of(made("duplicates", one)[0])
    for words in ("1 of 6 items could go", "1 group holds 2 items", "There was 1 group", "was left out: 5 remained"):
        assert words in text, words
    assert "1 further group of 2 items has the same layout" in re.sub(r" (?= has)|(?<=items) +", " ", text)
    entry = {"index": 0, "id": "x", "label": "a cat", "scores": [0.52, 0.48], "cosines": [0.3, 0.1]}
    text = text_of(made("zero-shot", zero_shot(data=[entry], truncated=[], first_of_many=[]))[0])
    assert "1 item of 1 (100.0 %) has a margin below 0.1" in text
    for kind, maker in MAKERS.items():
        pages = [maker(), one] if kind == "duplicates" else [maker()]
        for answer in pages:
            assert not PLURALS.findall(made(kind, answer)[0]), kind


def test_the_methods_of_an_estimate_of_a_mean_name_no_classes():
    each = {"value": 2.5, "low": 2.0, "high": 3.0, "naive": 2.4, "classical": [2.5, 1.9, 3.1]}
    answer = {
        **{"classifier": "mood@1", "confidence": 0.9, "remarks": []},
        "estimates": {"": {**each, "n_coded": 50, "n_corpus": 900}},
    }
    text = estimate_paragraph(answer)
    assert "The interval is a 90 % interval, and holds if" in text
    assert "class " not in text
    shares = {label: answer["estimates"][""] for label in ("cat", "dog")}
    assert "90 % intervals, for each class separately" in estimate_paragraph({**answer, "estimates": shares})


def test_the_page_of_an_agreement_has_every_coefficient_and_the_codes_of_each_coder() -> None:
    text = text_of(made("agreement", agreement())[0])
    for label in ("Weighted kappa, quadratic", "Gwet’s AC1", "ICC(A,1), absolute agreement, 5 complete items"):
        assert f"{label} 0.500 [0.250, 0.750]" in text
    assert "yes , 75.0 % of the codes" in text.replace("\u202f", " ").replace("\xa0", " ")
    assert "Codes of each coder" in text
    assert "Gwet’s AC1 (2008) 0.500 [0.250, 0.750]" in text


def test_the_page_of_groups_of_coders_shows_the_items_that_divide_them() -> None:
    html, shown = made("coder-groups", coder_groups())
    text = text_of(html)
    assert shown == ["p1", "p2"]
    assert "differ the most in the share of left" in text
    assert "Items on which groups differ the most" in text
    html, shown = made("coder-groups", coder_groups(items=[], overall=[], between=[]))
    assert not shown
