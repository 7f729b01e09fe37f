"""Files of vectors as SOURCE of every command, and output files that no failed run touches."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from daguerre import Client, Embeddings, cli
from tests.clients.conftest import kinds
from tests.e2e.harness import Server

LABELS = ("--label", "a cat", "--label", "a cup of coffee", "--label", "a rocket launch")


def run(server: Server, *arguments: object, code: int = 0) -> Result:
    """The command in this process, since a new one takes a second."""
    done = CliRunner().invoke(cli.main, ["--url", server.url, *map(str, arguments)])
    assert done.exit_code == code, f"{done.exit_code}: {done.output}"
    return done


def table(server: Server, folder: Path, *arguments: object, code: int = 0) -> list[dict[str, str]]:
    """The table that a command writes."""
    run(server, *arguments, "-o", folder / "out.csv", code=code)
    return rows((folder / "out.csv").read_text())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def folder(embedded: Embeddings, tmp_path_factory) -> Path:
    """Vectors of the corpus as daguerre, pandas and a stranger write them."""
    folder = tmp_path_factory.mktemp("vectors")
    embedded.to_parquet(folder / "corpus.parquet")
    pd.read_parquet(folder / "corpus.parquet").to_parquet(folder / "pandas.parquet")
    pd.DataFrame({"photo": ["a.png"], "x": [1]}).to_parquet(folder / "table.parquet")
    np.save(folder / "corpus.npy", embedded.drop_failed().vectors)
    (folder / "torn.parquet").write_bytes((folder / "corpus.parquet").read_bytes()[:1000])
    return folder


@pytest.fixture(scope="module")
def classifier(inline: Server, embedded: Embeddings) -> str:
    good = embedded.drop_failed()
    with Client(inline.url) as client:
        codes = dict(zip(good.ids, kinds(good.ids), strict=True))
        client.train_classifier("stored-vectors", embeddings=good, targets=codes, strengths=[10.0], folds=2)
    return "stored-vectors"


def test_zero_shot_of_a_file_is_that_of_its_images(inline: Server, corpus: Path, folder: Path, tmp_path: Path):
    some = cli.SOME_FAILED
    of_images = table(inline, tmp_path, "zero-shot", corpus, *LABELS, code=some)
    for name in ("corpus.parquet", "pandas.parquet"):
        assert table(inline, tmp_path, "zero-shot", folder / name, *LABELS, code=some) == of_images
    of_array = table(inline, tmp_path, "zero-shot", folder / "corpus.npy", "--model", "embedded", *LABELS)
    assert [row["label"] for row in of_array] == [row["label"] for row in of_images if not row["error"]]


def test_other_commands_take_the_file(inline: Server, corpus: Path, folder: Path, classifier: str, tmp_path: Path):
    some, vectors = cli.SOME_FAILED, folder / "corpus.parquet"
    of_images = table(inline, tmp_path, "predict", classifier, corpus, code=some)
    of_vectors = table(inline, tmp_path, "predict", classifier, vectors, code=some)
    assert [row["label"] for row in of_vectors] == [row["label"] for row in of_images]
    assert {row["error"] for row in of_vectors} == {"", "unsupported_image"}
    found = table(inline, tmp_path, "duplicates", vectors, code=some)  # semantic, without --kind
    assert len(found) == len(of_images)
    refused = run(inline, "duplicates", vectors, "--kind", "near", code=2).stderr
    assert "--kind near compares files of images" in refused
    assert len(table(inline, tmp_path, "cluster", vectors, "--method", "kmeans", "--k", "3", code=some)) == len(found)
    assert len(table(inline, tmp_path, "search", "a cat", "--in", folder / "pandas.parquet")) == 10


COMMANDS = {
    "zero-shot": ("zero-shot", *LABELS),
    "predict": ("predict", "stored-vectors"),
    "cluster": ("cluster",),
    "duplicates": ("duplicates",),
    "embed": ("embed",),
}
UNREADABLE = {
    "table.parquet": "was not written by daguerre: it has columns photo, x",
    "torn.parquet": "is no Parquet file",
    "none.parquet": "does not exist",
    "none.npz": "No such file",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_leaves_the_output(
    inline: Server, folder: Path, classifier: str, tmp_path: Path, name: str
):
    out = tmp_path / "out.csv"
    for command in COMMANDS.values():
        out.write_text("earlier")
        refused = run(inline, *command, folder / name, "-o", out, code=2).stderr
        assert "is a file of vectors" in refused if command[0] == "embed" else UNREADABLE[name] in refused
        assert out.read_text() == "earlier"
        assert list(tmp_path.iterdir()) == [out]


def test_the_input_is_never_the_output(inline: Server, folder: Path, tmp_path: Path):
    (tmp_path / "link.parquet").symlink_to(folder / "corpus.parquet")
    (tmp_path / "texts.csv").write_text("text\na cat\n")
    before = (folder / "corpus.parquet").read_bytes()
    for out in (folder / "corpus.parquet", tmp_path / "link.parquet"):
        for command in (COMMANDS["zero-shot"], COMMANDS["predict"], COMMANDS["cluster"], COMMANDS["duplicates"]):
            refused = run(inline, *command, folder / "corpus.parquet", "-o", out, code=2).stderr
            assert "is the file of the input, which would be overwritten" in " ".join(refused.split())
    texts = ("--texts", tmp_path / "texts.csv", "-o", tmp_path / "texts.csv")
    assert "is the file of --texts" in " ".join(run(inline, *COMMANDS["zero-shot"], *texts, code=2).stderr.split())
    assert (folder / "corpus.parquet").read_bytes() == before
    assert (tmp_path / "texts.csv").read_text() == "text\na cat\n"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_run_of_which_every_item_failed_leaves_the_earlier_table(
    inline: Server, classifier: str, tmp_path: Path, kind: str
):
    (tmp_path / "a.png").write_bytes(b"no image")
    out = tmp_path / f"out.{kind}"
    for command in (COMMANDS["zero-shot"], COMMANDS["predict"]):
        run(inline, *command, tmp_path / "a.png", "-o", out, code=cli.SOME_FAILED)  # nothing is lost
        out.write_bytes(b"earlier")
        refused = run(inline, *command, tmp_path / "a.png", "-o", out, code=2).stderr
        assert "none of 1 items could be used" in refused
        assert "is kept as it was" in refused
        assert out.read_bytes() == b"earlier"
        out.unlink()


def test_several_sources_are_images_and_tables_are_named(inline: Server, corpus: Path, folder: Path, tmp_path: Path):
    (tmp_path / "t.csv").write_text("id\na\n")
    for sources in ((corpus, folder / "corpus.parquet"), (folder / "corpus.parquet", folder / "pandas.parquet")):
        assert "is a file of vectors" in run(inline, "zero-shot", *sources, *LABELS, code=2).stderr
    assert "is a table; give images" in run(inline, "zero-shot", tmp_path / "t.csv", *LABELS, code=2).stderr
    given = ("zero-shot", folder / "corpus.parquet", *LABELS)
    assert "--model: other is not that of the vectors" in run(inline, *given, "--model", "other", code=2).stderr
    assert "--decode: scaled is not that" in run(inline, *given, "--decode", "scaled", code=2).stderr
