"""Codebook labels by the package for R, beside those of the Python client."""

import json
from pathlib import Path

import pytest

from daguerre import Client, DaguerreWarning
from tests.clients.r.common import EXAMPLES, MARKS, install, run
from tests.e2e.harness import Server
from tests.e2e.labels.common import ALL_KINDS

pytestmark = [MARKS[0], pytest.mark.thorough]
TEXTS = [f"text {i}" for i in range(36)] + ["text 34"]  # of which R sends 32 in a request
SCRIPT = """
    library(daguerre)
    book <- Sys.getenv("BOOK")
    P <- dg_label(c("photos/cat.jpg", "words.txt", "photos/rocket.jpg"), book)
    T <- dg_label(texts = jsonlite::fromJSON(Sys.getenv("TEXTS")), codebook = book, seed = 3)
    names <- vapply(jsonlite::read_json(book)$variables, `[[`, "", "name")
    V <- dg_validate(T, data.frame(id = 0:9, code = "yes"), column = "people")
    stopifnot(dg_labellers()$name[1] == "qwen", nrow(V) > 0)
    out <- list(
      pictures = lapply(names, function(name) P[[name]]), texts = lapply(names, function(name) T[[name]]),
      errors = P$error_code, same = dg_answer(T)$data[[37]]$same_as, answers = dg_answer(T)$usage$answers,
      fingerprint = dg_receipt(T)$fingerprint
    )
    jsonlite::write_json(out, Sys.getenv("OUT"), na = "null", null = "null", digits = NA)
"""


def test_labels_in_r_are_those_in_python(labelling: Server, tmp_path: Path) -> None:
    book = tmp_path / "codebook.json"
    book.write_text(json.dumps(ALL_KINDS), encoding="utf-8")
    (tmp_path / "library").mkdir()
    library = install(tmp_path / "library")
    variables = {"BOOK": str(book), "TEXTS": json.dumps(TEXTS), "OUT": str(tmp_path / "out.json")}
    run(["Rscript", "-e", SCRIPT], library, EXAMPLES, {"DAGUERRE_URL": labelling.url, **variables})
    told = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    names = [each["name"] for each in ALL_KINDS["variables"]]
    with Client(labelling.url, progress=False) as client:
        paths = [EXAMPLES / name for name in ("photos/cat.jpg", "words.txt", "photos/rocket.jpg")]
        with pytest.warns(DaguerreWarning, match="1 of 3 items"):
            pictures = client.label(paths, codebook=book)
        texts = client.label(texts=TEXTS, codebook=book, seed=3)
    for found, ours in ((told["pictures"], pictures), (told["texts"], texts)):
        for name, values in zip(names, found, strict=True):
            wanted = [(entry.get("labels") or {}).get(name, {}).get("value") for entry in ours.entries]
            assert [value or None for value in values] == [value or None for value in wanted], name
    assert told["errors"] == [None, "unsupported_image", None]
    assert (told["same"], told["answers"]) == ([34], [36])
    assert told["fingerprint"] == [texts.fingerprint]
