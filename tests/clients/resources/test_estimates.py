"""The SDK estimates shares from tables with any predictions, the same over HTTP, gRPC and the command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from daguerre import Client, InvalidRequestError, RemarkWarning, cli
from tests.e2e.harness import Server

N = 600
RNG = np.random.default_rng(2)
TRUE = np.where(RNG.random(N) < 0.3, "yes", "no")
LABEL = np.where(RNG.random(N) < 0.9, TRUE, np.where(TRUE == "yes", "no", "yes"))
ROWS = RNG.permutation(N)[:150]
FRAME = pd.DataFrame(
    {
        "id": [f"p{i}.jpg" for i in range(N)],
        "llm": LABEL,
        "score": np.where(LABEL == "yes", 0.9, 0.2),
        "party": RNG.choice(["a", "b"], N),
        "year": RNG.integers(2010, 2020, N),
        "account": np.arange(N) // 5,
        "code": pd.Series(TRUE).where(pd.Series(range(N)).isin(ROWS)),
    }
)
pytestmark = pytest.mark.filterwarnings("ignore::daguerre.RemarkWarning")


def test_a_table_is_estimated_with_its_parts_and_shown(client: Client, tmp_path: Path):
    found = client.estimate(
        FRAME, predictions=["llm", "score"], by="party", time="year", covariates=["year", "party"], width=0.05
    )
    assert (found.n, found.n_coded, found.labels) == (N, 150, ["yes"])
    table = found.to_pandas()
    assert len(table) == 2 * 3  # each set of predictions: the corpus and two parties
    whole = table[table["by"].isna()].set_index("predictions")
    assert (whole["low"] <= (TRUE == "yes").mean()).all()
    assert (whole["high"] >= (TRUE == "yes").mean()).all()
    assert whole.loc["llm", "naive"] == pytest.approx((LABEL == "yes").mean())
    assert whole.loc["llm", "value"] == pytest.approx(whole.loc["score", "value"])
    assert found["llm"]["corrected"]["value"] == whole.loc["llm", "value"]
    assert len(found.to_pandas("differences")) == 2
    assert set(found.to_pandas("regression")["name"]) == {"time", "(constant)", "year", "party=b"}
    widths = found.to_pandas("needed")
    assert widths["items"].max() == N  # the corpus has no more
    assert (widths["corrected"] <= widths["classical"]).all()
    assert "codes alone" in repr(found)
    found.report(tmp_path / "page.html", tables=tmp_path / "tables")
    page = (tmp_path / "page.html").read_text()
    assert "Text for a methods section" in page
    assert "simple random sample" in page
    assert any("estimates" in each.name for each in (tmp_path / "tables").glob("*.tex"))


def test_codes_of_coders_in_another_table(client: Client):
    codes = pd.DataFrame(
        {"id": [f"photos/p{i}.jpg" for i in ROWS], "anna": TRUE[ROWS], "ben": TRUE[ROWS], "inclusion_prob": 0.25}
    )
    found = client.estimate(FRAME.drop(columns="code"), codes, predictions={"machine": "llm"})
    assert found.n_coded == 150
    plain = client.estimate(FRAME, predictions="llm").value
    assert found["machine"]["corrected"]["value"] == pytest.approx(plain)
    assert not any("simple random sample" in each for each in found.remarks)


def test_groups_make_the_interval_honest(client: Client):
    plain = client.estimate(FRAME, predictions="llm")
    grouped = client.estimate(FRAME, predictions="llm", group="account")
    assert grouped.answer["groups_coded"] < 150
    assert grouped.value == plain.value
    assert any("simple random sample" in each for each in plain.remarks)


def test_a_remark_reaches_the_user(client: Client):
    with pytest.warns(RemarkWarning, match="simple random sample"):
        client.estimate(FRAME, predictions="llm")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sample": "convenience"}, "items that were not drawn by chance"),
        ({"width": 3.0}, "width: got 3; must be above 0 and below 1"),
        ({"time": "party"}, "corpus: time: .* give each item of the corpus a number"),
        ({"positive": "perhaps"}, "positive: 'perhaps' is not one of the labels"),
    ],
)
def test_options_that_allow_no_estimate(client: Client, changed: dict[str, str], message: str):
    with pytest.raises(InvalidRequestError, match=message):
        client.estimate(FRAME, predictions="llm", **changed)  # type: ignore[arg-type]


def test_tables_that_cannot_be_read():
    with Client("http://127.0.0.1:9") as nowhere:
        with pytest.raises(ValueError, match="has no codes; fill in those of a sample"):
            nowhere.estimate(FRAME.assign(code=None), predictions="llm")
        with pytest.raises(ValueError, match="name the column"):
            nowhere.estimate(FRAME.drop(columns="score"))
        with pytest.raises(ValueError, match=r"has the id 'p0\.jpg' twice"):
            nowhere.estimate(pd.concat([FRAME, FRAME[:1]]), predictions="llm")


def test_the_command_line_gives_the_same(inline: Server, tmp_path: Path):
    path = tmp_path / "posts.csv"
    FRAME.to_csv(path, index=False)
    common = ["--url", inline.url, "estimate", str(path), "--prediction", "machine=llm", "--by", "party"]
    done = CliRunner().invoke(cli.main, [*common, "--json"])
    assert done.exit_code == 0, done.stderr
    with Client(inline.url) as client:
        expected = client.estimate(FRAME, predictions={"machine": "llm"}, by="party").answer
    assert json.loads(done.stdout)["estimates"] == expected["estimates"]
    files = ["-o", str(tmp_path / "out.csv"), "--report", str(tmp_path / "r.html")]
    done = CliRunner().invoke(cli.main, [*common, *files])
    assert "codes alone" in done.stdout
    assert "simple random sample" in done.stderr
    assert len(pd.read_csv(tmp_path / "out.csv")) == 3
    assert "Parts of the corpus" in (tmp_path / "r.html").read_text()
    refused = CliRunner().invoke(cli.main, [*common, str(tmp_path)])
    assert "leave SOURCE out" in refused.stderr
