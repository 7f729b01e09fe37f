"""Attributes of faces from Python and from the command line, by a real server; and errors by group of people."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import daguerre
from daguerre import cli
from tests.clients.resources.test_blurred_faces import clear_faces, pictures_of
from tests.e2e import harness
from tests.models.face_samples import crowd

COLUMNS = [
    *("apparent_age", "apparent_age_lowest", "apparent_age_highest", "perceived_gender", "perceived_woman"),
    *("perceived_woman_lowest", "perceived_woman_highest", "expression", "expression_votes", "attribute_crops"),
]


@pytest.fixture(scope="module")
def crowds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two faces that are large enough and one that is not, of one face, and of none."""
    folder = tmp_path_factory.mktemp("attributes")
    for name, heights in {"many.png": (150, 120, 40), "one.png": (140,), "none.png": ()}.items():
        crowd(*heights).save(folder / name)
    return folder


@pytest.fixture(scope="module", params=["http", "grpc"])
def connected(request, analysing_server):
    target = analysing_server.url if request.param == "http" else f"grpc://{analysing_server.grpc_target}"
    with daguerre.Client(target) as client:
        yield client


def test_attributes_as_columns_crops_and_a_page(connected, crowds, tmp_path):
    found = connected.face_attributes(crowds)
    table = found.to_pandas()
    assert set(COLUMNS) <= set(table.columns)
    assert table.apparent_age.notna().tolist().count(True) == 3
    there = table[table.apparent_age.notna()]
    assert (there.apparent_age.between(there.apparent_age_lowest, there.apparent_age_highest)).all()
    assert set(there.perceived_gender) <= {"woman", "man", "undecided"}
    for row in there.itertuples():
        votes = json.loads(row.expression_votes)
        assert sum(votes.values()) == row.attribute_crops == 18
        assert row.expression == (next(iter(votes)) if len(votes) == 1 else "undecided")
    assert found.values.face_attributes.to_dict() == {"many.png": 2, "none.png": 0, "one.png": 1}
    assert found.values.loc["many.png", "remark"].startswith("face_attributes: guesses about what faces look like")
    assert len(found.crops()) == 4
    ages = connected.face_attributes(crowds, ["age"]).to_pandas()
    assert not {"expression", "perceived_gender", "perceived_woman", "expression_votes"} & set(ages)
    assert ages.apparent_age.equals(table.apparent_age)
    found.report(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    expected = (
        "Guesses of small networks",
        "Attributes of faces",
        "Perceived gender",
        "undecided",
        "on 18 crops of each",
    )
    for words in expected:
        assert words in text
    assert "4 faces, 3 with attributes, in 2 of 3 pictures" in text
    assert "guesses about what faces look like" not in text
    assert "motion" not in text
    shown = pictures_of(tmp_path / "page.html")
    assert shown
    assert not any(map(clear_faces, shown))


def test_the_command_writes_tables_that_can_be_read_with_the_notice(analysing_server: harness.Server, crowds, tmp_path):
    def ran(*arguments: object):
        given = ["--url", analysing_server.url, "face-attributes", *map(str, arguments)]
        done = CliRunner().invoke(cli.main, given)
        assert done.exit_code == 0, done.output
        return done

    out = tmp_path / "attributes.parquet"
    assert "Guesses of small networks" in ran(crowds, "-o", out).stderr
    assert "0 analysed" in ran(crowds, "-o", out).stderr
    with daguerre.Client(analysing_server.url) as client:
        whole = client.face_attributes(crowds)
        read = client.read_analyses(out)
        pd.testing.assert_frame_equal(read.to_pandas(), whole.to_pandas())
        pd.testing.assert_frame_equal(read.values, whole.values)
    done = ran(crowds, "-o", tmp_path / "a.csv", "--attribute", "gender", "--limit", 1, "--size", 960)
    assert "Guesses of small networks" in done.stderr
    table = pd.read_csv(tmp_path / "a.csv")
    assert len(table) == 2
    assert not {"apparent_age", "expression"} & set(table)
    assert table.perceived_gender.notna().all()


def test_errors_by_group_from_python_and_the_command_line(connected, analysing_server, tmp_path):
    rng = np.random.default_rng(3)
    ids = [f"p{i}.jpg#0" for i in range(80)]
    group = np.where(np.arange(80) < 50, "light", "dark")
    coded = np.where(rng.random(80) < 0.5, "woman", "man")
    other = np.where(coded == "woman", "man", "woman")
    wrong = rng.random(80) < np.where(group == "light", 0.1, 0.3)
    given = np.where(wrong, other, coded).astype(object)
    given[::9] = "undecided"
    codes = pd.DataFrame({"id": ids, "anna": coded, "skin": group})
    predictions = pd.Series(given, index=ids, name="perceived gender")
    with pytest.warns(daguerre.DaguerreWarning, match="are 'undecided', which is no code"):
        result = connected.validate(predictions, codes, by="skin")
    right = given == coded
    by = {each.group: each for each in result.by_group}
    assert list(by) == [None, "light", "dark"]
    for name in ("light", "dark"):
        there = group == name
        assert by[name].n == there.sum()
        assert by[name].undecided == (given[there] == "undecided").sum()
        assert by[name].figures["accuracy"].value == pytest.approx(right[there].mean())
        decided = there & (given != "undecided")
        assert by[name].figures["accuracy_decided"].value == pytest.approx(right[decided].mean())
    (gap,) = result.group_differences
    assert gap.figures["accuracy"].value == pytest.approx(
        right[group == "light"].mean() - right[group == "dark"].mean()
    )
    assert result.coders == ["anna"]
    assert {"group", "figure", "value", "low", "high"} <= set(result.to_pandas("by_group").columns)
    assert "'light' minus 'dark'" in repr(result)
    with pytest.warns(daguerre.DaguerreWarning):
        same = connected.validate(predictions, codes.drop(columns="skin"), by=dict(zip(ids, group, strict=True)))
    assert same.by_group == result.by_group
    result.report(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    for words in ("Errors by group", "By group, the accuracy of perceived gender was: light (50 items)", "Newcombe’s"):
        assert words in text
    assert text.count('<th scope="row">undecided</th>') == 1  # the share in the table of groups, and no true class
    assert 'title="undecided"' in text  # a predicted class
    for wanted, words in (("colour", "no column 'colour' of groups"), (7, "a Series or mapping of items")):
        with pytest.raises(ValueError, match=words):
            connected.validate(predictions, codes, by=wanted)

    codes.to_csv(tmp_path / "codes.csv", index=False)
    predictions.rename_axis("id").rename("label").reset_index().to_csv(tmp_path / "given.csv", index=False)
    files = [str(tmp_path / name) for name in ("given.csv", "codes.csv")]
    done = CliRunner().invoke(cli.main, ["--url", analysing_server.url, "validate", *files, "--by", "skin"])
    assert done.exit_code == 0, done.output
    assert "group 'dark', 30 items: accuracy" in done.output


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_the_documented_path_from_faces_to_errors_by_group(connected, analysing_server, crowds, tmp_path):
    """The calls of docs/faces.md on real tables with several faces of a picture: SDK, CSV and Parquet."""
    found = connected.face_attributes(crowds)
    table = found.to_pandas()
    assert table.item.tolist() == [f"{id}#{n}" for id, n in zip(table.id, table.finding, strict=True)]
    faces = table.item[table.perceived_gender.notna()].tolist()
    codes = pd.DataFrame({"id": faces, "anna": ["woman", "man", "woman"], "age_group": ["young", "young", "old"]})
    codes.to_csv(tmp_path / "codes.csv", index=False)
    own = table.assign(anna=table.item.map(codes.set_index("id").anna), age_group=["young", "young", "old", "old"])
    asked = {"by": "age_group", "resamples": 10}
    wanted = connected.validate(found["perceived_gender"], codes, **asked).by_group
    for given in (found, table):
        assert connected.validate(given, codes, column="perceived_gender", **asked).by_group[0].n == 3
    assert connected.validate(found, own, column="perceived_gender", coders=["anna"], **asked).by_group[0].n == 3
    assert wanted[0].figures["accuracy"].value == (table.perceived_gender.dropna().tolist() == codes.anna).mean()
    with pytest.raises(ValueError, match="have apparent_age, perceived_gender, expression; name one"):
        connected.validate(found, codes)
    for name in ("a.csv", "a.parquet"):
        for command in (["face-attributes", str(crowds), "-o", name], ["faces", str(crowds), "-o", f"faces-{name}"]):
            out = str(tmp_path / command[-1])
            done = CliRunner().invoke(cli.main, ["--url", analysing_server.url, *command[:-1], out])
            assert done.exit_code == 0, done.output
            read = pd.read_csv(out) if out.endswith("csv") else pd.read_parquet(out)
            assert read.item.tolist() == table.item.tolist()
        arguments = ["validate", str(tmp_path / name), str(tmp_path / "codes.csv"), "--column", "perceived_gender"]
        done = CliRunner().invoke(cli.main, ["--url", analysing_server.url, *arguments, "--by", "age_group"])
        assert done.exit_code == 0, done.output
        assert "all groups, 3 items: accuracy" in done.output


def test_ages_by_group_have_an_error_and_a_bias(connected):
    rng = np.random.default_rng(4)
    ids = [f"p{i}" for i in range(60)]
    group = np.where(np.arange(60) < 40, "young", "old")
    coded = np.where(group == "young", rng.integers(18, 40, 60), rng.integers(60, 90, 60))
    guessed = coded + rng.normal(0, 5, 60) + np.where(group == "young", 6, -12)
    result = connected.validate(
        pd.Series(guessed, index=ids), pd.DataFrame({"id": ids, "age": coded, "cohort": group}), by="cohort"
    )
    by = {each.group: each.figures for each in result.by_group}
    for name in ("young", "old"):
        error = (guessed - coded)[group == name]
        assert by[name]["bias"].value == pytest.approx(error.mean())
        assert by[name]["mae"].value == pytest.approx(np.abs(error).mean())
        assert by[name]["bias"].low < error.mean() < by[name]["bias"].high
    assert result.group_differences[0].figures["bias"].low > 10


@pytest.mark.slow
def test_a_classifier_of_coded_faces_with_agreement_and_errors_by_group(analysing_server, tmp_path):
    """The calls of docs/faces.md: crops of faces, two coders, a classifier, errors by group out of fold."""
    portraits = tmp_path / "portraits"
    portraits.mkdir()
    for i in range(12):
        crowd(*(110, 90, 70)[: 1 + i % 3], seed=i).save(portraits / f"{i:02}.png")
    with daguerre.Client(analysing_server.url) as client:
        found = client.faces(portraits, size=1280)
        vectors = client.embed(portraits, crops=found.crops())
        client.sample(20, embeddings=vectors).save(tmp_path / "coded.csv", coders=["anna", "ben"])
        table = pd.read_csv(tmp_path / "coded.csv")
        table["anna"] = ["a", "b"] * 10
        table["ben"] = ["a", "b"] * 10
        table["age_group"] = ["young"] * 10 + ["old"] * 10
        table.to_csv(tmp_path / "coded.csv", index=False)
        coders = ["anna", "ben"]
        assert client.agreement(tmp_path / "coded.csv", coders=coders).percent.value == 1
        groups = dict(zip(vectors.ids, found.crops().id, strict=True))
        few = {"strengths": [1.0], "folds": 2, "inner_folds": 2, "resamples": 100}
        model = client.train_classifier(
            "perceived-group", embeddings=vectors, table=tmp_path / "coded.csv", coders=coders, groups=groups, **few
        )
        try:
            result = client.validate(model, tmp_path / "coded.csv", coders=coders, by="age_group")
            assert {each.group for each in result.by_group} == {None, "young", "old"}
            result.report(tmp_path / "errors.html")
            assert "Errors by group" in (tmp_path / "errors.html").read_text()
        finally:
            client.delete_classifier("perceived-group")
