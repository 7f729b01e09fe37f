"""The report of a grid of clusterings: text of users is text, and undefined figures are dashes."""

from models.pages.cluster_grid import page, paragraph
from tests.models.page_reader import Read


def test_names_are_whole_and_medians_keep_their_fraction():
    sizes = {"smallest": 1, "q25": 2.25, "median": 4.5, "q75": 9.0, "largest": 1200}
    rows = []
    for k in range(2, 5):
        parameters = {"method": "iterative-kmeans", "k_rule": "a rule with a name", "seed": k, "window": 100 + k}
        row = {"name": f"iterative-kmeans, seed {k}", "parameters": parameters, "clusters": k - 1, "unclustered": 5}
        rows.append({**row, "sizes": sizes, **dict.fromkeys(("stability", "ari", "nmi", "purity")), "silhouette": 0.2})
    answer = {"id": "job_1", "n": 5, "dimension": 8, "rows": rows, "params": {"resamples": 0}, "remarks": []}
    answer |= {"model": "m", "libraries": {"numpy": "2"}, "created": "2026-01-01T10:00:00"}
    found = Read(page(answer))
    assert found.row("seed 2, window 102")[1:] == ["1", "5", "0.200", "1", "2.25", "4.5", "9", "1,200"]
    assert "The same for all: iterative-kmeans, k_rule a rule with a name." in found.text
    assert found.text.replace("\u00a0", " ").count("seed 2, window 102 (1 cluster)") == 2  # in both drawings
    assert "…" not in found.text


def test_the_page_escapes_names_and_shows_what_is_not_defined_as_a_dash():
    row = {"name": "<b>", "parameters": {"method": "kmeans", "k": 2}, "clusters": 0, "unclustered": 5, "sizes": None}
    row |= dict.fromkeys(("silhouette", "stability", "ari", "nmi", "purity"))
    answer = {"id": "job_1", "n": 5, "dimension": 8, "rows": [row], "params": {"resamples": 0}, "remarks": ["<i>"]}
    answer |= {"model": "m", "libraries": {"numpy": "2"}, "created": "2026-01-01T10:00:00"}
    html = page(answer)
    assert Read(html).row("<b>")[1:] == ["0", "5", "–", "–", "–", "–", "–"]
    assert "<i>" not in html
    assert "nan" not in Read(html).text
    assert "known labels" not in paragraph(answer)
