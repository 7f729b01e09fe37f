"""A multiverse from Python and the command line: every configuration as zero_shot and estimate have it alone."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from daguerre import Client, Embeddings, InvalidRequestError, NotFoundError, RemarkWarning, cli
from tests.e2e.harness import Server
from tests.models.page_reader import Read

KINDS = ("chelsea", "coffee", "rocket")
EACH = 16
LABELS = {"cat": ["a cat", "the face of an animal"], "other": ["a cup of coffee", "a rocket launch"]}
TEMPLATES = ["{}", "a photo of {}"]
THRESHOLDS: list[float | str | None] = [None, 0.6, "score"]
pytestmark = pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small parts of three photos, a third of them cats."""
    made = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(1)
    for kind in KINDS:
        with Image.open(photos / f"{kind}.jpg") as photo:
            for i in range(EACH):
                x, y = (int(rng.integers(0, side - 100)) for side in photo.size)
                photo.crop((x, y, x + 100, y + 100)).save(made / f"{kind}-{i:02}.jpg", quality=92)
    return made


@pytest.fixture(scope="module")
def vectors(inline: Server, folder: Path) -> Embeddings:
    with Client(inline.url) as client:
        return client.embed(folder)


@pytest.fixture(scope="module")
def table(folder: Path) -> pd.DataFrame:
    """The corpus, half of it coded at random, and a few of the codes wrong, so that none is certain."""
    names = sorted(path.name for path in folder.iterdir())
    rng = np.random.default_rng(2)
    code = pd.Series(["cat" if name.startswith("chelsea") else "other" for name in names])
    code[rng.permutation(len(names))[:6]] = "cat"
    party = np.where(np.arange(len(names)) % 2, "left", "right")
    coded = pd.Series(range(len(names))).isin(rng.permutation(len(names))[: len(names) // 2])
    return pd.DataFrame({"id": names, "party": party, "code": code.where(coded)})


def test_each_configuration_is_that_of_zero_shot_and_estimate_alone(
    client: Client, folder: Path, vectors: Embeddings, table: pd.DataFrame
):
    codes = table[["id", "code"]].dropna()
    found = client.multiverse(folder, labels=LABELS, of="cat", templates=TEMPLATES, thresholds=THRESHOLDS, codes=codes)
    rows = found.to_pandas()
    assert len(found) == 2 * 4 * 3
    assert len(rows) == 3 * len(found)
    assert found.factors["threshold"] == ["best label", "0.6", "score"]
    number = 0
    for template, cat, other in product(TEMPLATES, *LABELS.values()):
        alone = client.zero_shot(embeddings=vectors, labels=[cat, other], templates=[template])
        score = alone.scores[:, 0].astype(float)
        columns = {
            "best label": [float(best == cat) for best in alone.best],
            "0.6": (score >= 0.6).astype(float),
            "score": score,
        }
        for threshold, values in columns.items():
            number += 1
            own = rows[rows["configuration"] == number].set_index("kind")
            choices = (template, cat, other, threshold)
            names = ["template", "wording of cat", "wording of other", "threshold"]
            assert tuple(own.loc["corrected", names]) == choices
            labelled = pd.DataFrame({"id": vectors.ids, "p": values})
            merged = labelled.merge(codes, how="left")
            one = client.estimate(merged, predictions="p", positive="cat", task="binary")["cat"]
            assert own.loc["uncorrected", "value"] == pytest.approx(one["naive"], abs=1e-6)
            for kind in ("corrected", "classical"):
                for end in ("value", "se", "low", "high"):
                    assert own.loc[kind, end] == pytest.approx(one[kind][end], abs=1e-5), (choices, kind, end)
            assert own.loc["corrected", "slope"] == pytest.approx(one["slope"], abs=1e-4)
    assert found.summary["covering"] <= len(found)
    assert any("all 24 configurations are reported" in remark for remark in found.remarks)


def test_a_difference_by_the_table_of_the_corpus_and_its_page(
    client: Client, vectors: Embeddings, table: pd.DataFrame, tmp_path: Path
):
    with pytest.warns(RemarkWarning, match="valid on its own"):
        found = client.multiverse(
            embeddings=vectors,
            labels=LABELS,
            of="cat",
            templates=TEMPLATES,
            corpus=table,
            difference=("party", "left", "right"),
        )
    assert found.answer["estimand"]["kind"] == "difference"
    signs = found.summary["signs"]
    assert signs["positive"] + signs["negative"] <= 8
    assert "party left minus right" in repr(found)
    found.report(tmp_path / "page.html", tables=tmp_path / "tables")
    page = Read((tmp_path / "page.html").read_text())
    assert "difference in the share of “cat” between “left” and “right”" in page.text
    assert len([row for row in page.rows if row and row[0].isdigit()]) == 8
    fingerprint = vectors.receipt.fingerprint
    assert page.row("fingerprint")[1] == fingerprint
    written = pd.read_csv(next((tmp_path / "tables").glob("*configurations.csv")))
    corrected = found.to_pandas().query("kind == 'corrected'").set_index("configuration")["value"]
    pairs = written.set_index("number")["corrected"]
    assert all(pairs[i] == pytest.approx(corrected[i]) for i in pairs.index)
    assert list((tmp_path / "tables").glob("*.svg"))


def test_without_codes_it_shows_instability_and_corrects_nothing(client: Client, vectors: Embeddings, tmp_path: Path):
    found = client.multiverse(embeddings=vectors, labels=LABELS, of="cat", templates=[*TEMPLATES, None])
    assert set(found.to_pandas()["kind"]) == {"uncorrected"}
    assert (found.n_coded, found.classical, found.summary["corrected"]) == (None, None, None)
    assert any("corrects nothing" in remark for remark in found.remarks)
    assert found.factors["template"][2] == "the model's own"
    spread = found.to_pandas("spread").iloc[0]
    assert spread["lowest"] == found.to_pandas()["value"].min()
    assert set(found.to_pandas("choices")["choice"]) == set(found.factors)
    found.report(tmp_path / "page.html")
    assert "corrects nothing" in (tmp_path / "page.html").read_text()


def test_a_picture_that_cannot_be_read_has_no_prediction_and_other_codes_have_a_positive_label(
    client: Client, folder: Path, table: pd.DataFrame, tmp_path: Path
):
    known = table.dropna().head(18)
    paths: dict[str, Any] = {name: folder / name for name in known["id"]}
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    paths["broken.jpg"] = tmp_path / "broken.jpg"
    codes = {row.id: int(row.code == "cat") for row in known.itertuples()}
    found = client.multiverse(paths, labels=LABELS, of="cat", templates=TEMPLATES, codes=codes)
    assert (found.n, found.n_coded) == (19, 18)
    assert any("up to 1 items have no prediction" in remark for remark in found.remarks)
    assert any("codes are 1, 0" in remark or "codes are 0, 1" in remark for remark in found.remarks)
    assert found.answer["estimand"]["label"] == "1"


def test_vectors_of_several_models_are_aligned_by_id(inline: Server, vectors: Embeddings, table: pd.DataFrame):
    again = replace(vectors[::-1], receipt=replace(vectors.receipt, model="second"))  # the same numbers by another name
    codes = table[["id", "code"]].dropna()
    options: dict[str, Any] = {"labels": LABELS, "of": "cat", "templates": ["{}"], "codes": codes}
    with Client(inline.url) as client:
        rows = client.multiverse(embeddings=[vectors, again], **options).to_pandas()
        alone = client.multiverse(embeddings=vectors, **options).to_pandas()
        for given, message in (
            ([vectors, vectors], "two are of the model 'embedded'; give one for each model"),
            ([vectors, again[:5]], "and other ids; give vectors of the same items"),
            ([], "embeddings: is an empty list"),
        ):
            with pytest.raises(ValueError, match=message):
                client.multiverse(embeddings=given, **options)
    assert rows["model"].unique().tolist() == ["embedded", "second"]
    for model in ("embedded", "second"):
        own = rows[rows["model"] == model]
        np.testing.assert_array_equal(own["value"], alone["value"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"codes": {"nowhere.jpg": "cat", "never.jpg": "other"}}, "none of the 2 coded items is among the items"),
        (
            {"codes": {"coffee-00.jpg": "a", "coffee-01.jpg": "b", "coffee-02.jpg": "c"}},
            "'cat' is not one of the codes",
        ),
        ({"group": "account"}, "group: names a column of the table of the corpus; give corpus="),
        ({"models": []}, "models: is empty"),
        ({"models": ["embedded", "embedded"]}, "models: 'embedded' is given twice"),
        ({"models": ["unheard-of"]}, "models: there is no 'unheard-of' here; there are: "),
        ({"sample": "convenience", "codes": {"coffee-00.jpg": "cat", "coffee-01.jpg": "other"}}, "not drawn by chance"),
    ],
)
def test_what_allows_no_multiverse_is_refused(inline: Server, folder: Path, changed: dict[str, Any], message: str):
    with (
        Client(inline.url) as client,
        pytest.raises((ValueError, InvalidRequestError, NotFoundError), match=message),
    ):
        client.multiverse(folder, **{"labels": LABELS, "of": "cat", "templates": TEMPLATES, **changed})


def test_the_command_line_gives_the_same_and_keeps_the_vectors(
    inline: Server, folder: Path, table: pd.DataFrame, tmp_path: Path
):
    table.dropna().to_csv(tmp_path / "codes.csv", index=False)
    options = ["--of", "cat", "--codes", str(tmp_path / "codes.csv"), "--template", "{}", "--threshold", "0.6"]
    for label, wordings in LABELS.items():
        options += [part for wording in wordings for part in ("--label", f"{label}={wording}")]
    common = ["--url", inline.url, "multiverse"]
    kept = ["--vectors", str(tmp_path / "vectors")]
    done = CliRunner().invoke(cli.main, [*common, str(folder), *options, *kept, "--json"])
    assert done.exit_code == 0, done.stderr
    with Client(inline.url) as client:
        expected = client.multiverse(
            folder, labels=LABELS, of="cat", templates=["{}"], thresholds=[0.6], codes=table[["id", "code"]].dropna()
        )
    answer = json.loads(done.stdout)
    assert answer["configurations"] == expected.answer["configurations"]
    [vectors] = (tmp_path / "vectors").iterdir()
    out, page = tmp_path / "out.csv", tmp_path / "page.html"
    done = CliRunner().invoke(cli.main, [*common, str(vectors), *options, "-o", str(out), "--report", str(page)])
    assert done.exit_code == 0, done.stderr
    assert "all 4 configurations are reported" in done.stderr
    assert len(pd.read_csv(out)) == 3 * 4
    assert "Specification curve" in page.read_text()
    refused = CliRunner().invoke(cli.main, [*common, str(vectors), "--of", "cat", "--label", "=x"])
    assert "write LABEL=WORDING" in refused.stderr
