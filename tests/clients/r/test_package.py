"""The R package clients/r: its own tests (testthat) against a real server, its vectors beside Python's, R CMD check."""

import re
import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from daguerre import Client, Embeddings
from daguerre.results.embeddings import write_npz
from tests.clients import golden
from tests.clients.r.common import EXAMPLES, MARKS, PACKAGE, run
from tests.clients.stubs import Asked, Reply, recording
from tests.docs.blocks import blocks
from tests.e2e.harness import ROOT, Server

NO_MODELS = {"object": "list", "data": []}
OVERLOADED = {"error": {"code": "overloaded", "message": "the queue is full", "param": None, "items": []}}
NO_CRAN = """
dir.create("cran/src/contrib", recursive = TRUE)
dir.create("cran/web/packages", recursive = TRUE)
file.create("cran/src/contrib/PACKAGES")
saveRDS(data.frame(Package = character(), Maintainer = character()), "cran/web/packages/packages.rds")
writeLines(sprintf('options(repos = c(CRAN = "file://%s/cran"))', getwd()), "profile.R")
"""  # an archive without packages, in place of that of the network
OFFLINE = {  # checks of R that ask other machines, or the clock of one
    "_R_CHECK_CRAN_INCOMING_": "false",
    "_R_CHECK_CRAN_INCOMING_REMOTE_": "false",
    "R_QPDF": "true",  # a program that does nothing: there is no PDF whose size qpdf could check
    "_R_CHECK_SYSTEM_CLOCK_": "false",
    "_R_CHECK_PACKAGE_DEPENDS_IGNORE_MISSING_ENHANCES_": "true",  # arrow, which Debian has not
    "_R_CHECK_FUTURE_FILE_TIMESTAMPS_": "false",
    "_R_CHECK_RD_VALIDATE_RD2HTML_": "false",  # needs HTML Tidy
}


pytestmark = MARKS


def package_tests(library: Path, variables: Mapping[str, str], only: str) -> str:
    script = (
        f'testthat::test_dir("testthat", filter = "{only}", package = "daguerre", load_package = "installed", '
        'reporter = "check", stop_on_failure = TRUE)'
    )
    return run(["Rscript", "-e", script], library, PACKAGE / "tests", variables)


@pytest.mark.thorough
def test_the_tests_of_the_package_pass_with_a_server(library: Path, server: Server) -> None:
    said = package_tests(
        library, {"DAGUERRE_URL": server.url, "DAGUERRE_EXAMPLES": str(EXAMPLES)}, "server|parquet|items"
    )
    assert re.search(r"FAIL 0 .* PASS [1-9]", said), said
    assert "SKIP 0" in said or "arrow" in said, said


def test_retry_after_is_obeyed_and_golden_requests_are_sent(library: Path, server: Server) -> None:
    def passing(asked: Asked, before: int) -> Reply:
        return Reply(200, NO_MODELS) if before > 1 else Reply(429, OVERLOADED, {"Retry-After": "1"})

    def always(asked: Asked, before: int) -> Reply:
        return Reply(429, OVERLOADED)

    with recording(passing) as (url, asked), recording(always) as (busy, _), recording(golden.answer) as (stub, sent):
        variables = {
            "DAGUERRE_OVERLOADED": url,
            "DAGUERRE_ALWAYS_OVERLOADED": busy,
            "DAGUERRE_GOLDEN": stub,
            "DAGUERRE_GOLDEN_FILE": str(golden.FILE),
        }
        said = package_tests(library, variables, "stub")
    assert "FAIL 0" in said, said
    assert "SKIP 0" in said, said
    assert len(asked) == 3
    assert all(after.at - before.at >= 1 for before, after in pairwise(asked))
    for case in golden.CASES:
        asked = [each for each in sent if golden.path_of(each) == case["path"]]
        assert golden.missing(case["fields"], golden.parsed(asked[-1])) == [], case["name"]


@pytest.mark.thorough
def test_vectors_of_r_and_python_are_equal_to_the_bit(library: Path, server: Server, tmp_path: Path) -> None:
    """Items are sent one by one: the last bits of a vector depend on the size of its batch."""
    script = """
        out <- function(name) file.path(Sys.getenv("OUT"), name)
        for (i in 0:5) {
          daguerre::dg_write_vectors(daguerre::dg_embed(sprintf("coded/%03d.jpg", i)), out(sprintf("%d.parquet", i)))
        }
        daguerre::dg_write_vectors(daguerre::dg_embed(texts = "ein Caf\\u00e9"), out("text.parquet"))
        P <- daguerre::dg_read_vectors(out("python.parquet"))
        daguerre::dg_write_vectors(P, out("copy.parquet"))
        daguerre::dg_write_vectors(daguerre::dg_read_vectors(out("python.npz")), out("from_npz.parquet"))
        print(daguerre::dg_embed_corpus("coded/", out("python.parquet")))
    """
    paths = [EXAMPLES / "coded" / f"{i:03}.jpg" for i in range(6)]
    with Client(server.url) as client:
        client.embed_corpus(EXAMPLES / "coded", tmp_path / "python.parquet")
        before = Embeddings.read_parquet(tmp_path / "python.parquet")
        write_npz(str(tmp_path / "python.npz"), before)
        said = run(["Rscript", "-e", script], library, EXAMPLES, {"DAGUERRE_URL": server.url, "OUT": str(tmp_path)})
        text = client.embed(texts=["ein Café"])
        assert Embeddings.read_parquet(tmp_path / "text.parquet").vectors.tobytes() == text.vectors.tobytes()
        for i, path in enumerate(paths):
            ours, theirs = client.embed(images=path), Embeddings.read_parquet(tmp_path / f"{i}.parquet")
            assert theirs.vectors.tobytes() == ours.vectors.tobytes()
            assert (theirs.fingerprint, list(theirs.ids)) == (ours.fingerprint, list(ours.ids))
        for name in ("copy", "python", "from_npz"):  # which R has read, and continued
            after = Embeddings.read_parquet(tmp_path / f"{name}.parquet")
            assert after.vectors.tobytes() == before.vectors.tobytes()
            assert list(after.ids) == list(before.ids)
        assert "0 embedded, 36 reused, 0 failed" in said
        assert client.embed_corpus(EXAMPLES / "coded", tmp_path / "python.parquet").encoded == 0


@pytest.mark.thorough
def test_the_page_for_r_runs(library: Path, server: Server, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for i, block in enumerate(each for each in blocks(ROOT / "docs" / "r.md") if each.language == "r"):
        (tmp_path / f"{i}.R").write_text(block.text)
        run(["Rscript", f"{i}.R"], library, tmp_path, {"DAGUERRE_URL": server.url})


@pytest.mark.thorough
def test_the_documentation_is_current(library: Path, server: Server, tmp_path: Path) -> None:
    copy = tmp_path / "r"
    shutil.copytree(PACKAGE, copy)
    run(["Rscript", "-e", "roxygen2::roxygenise(load_code = 'source')"], library, copy, {})
    for path in (*sorted((PACKAGE / "man").iterdir()), PACKAGE / "NAMESPACE"):
        assert path.read_text() == (copy / path.relative_to(PACKAGE)).read_text(), f"{path.name}: run roxygen2"


@pytest.mark.thorough
def test_r_cmd_check_has_nothing_to_say(library: Path, server: Server, tmp_path: Path) -> None:
    archive = f"file://{tmp_path}/cran"
    run(["Rscript", "-e", NO_CRAN], library, tmp_path, {})
    variables = {
        "DAGUERRE_URL": server.url,
        "R_PROFILE": str(tmp_path / "profile.R"),
        "R_CRAN_WEB": archive,
        "_R_CHECK_XREFS_REPOSITORIES_": archive,
        **OFFLINE,
    }
    run(["R", "CMD", "build", str(PACKAGE)], library, tmp_path, variables)
    (package,) = tmp_path.glob("daguerre_*.tar.gz")
    said = run(["R", "CMD", "check", "--as-cran", "--no-manual", package.name], library, tmp_path, variables, 900)
    assert "Status: OK" in said, said
