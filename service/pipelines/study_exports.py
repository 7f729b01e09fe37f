"""A study as one archive: codes, codebook, designs, columns and how they were made. Without pictures and vectors."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import orjson

from models.stopping import Check
from service import __version__
from service.pipelines import assignments, codebooks, label_studio, studies, study_codes
from service.pipelines.study_analyses import runs
from service.schemas.codebooks import Codebook
from service.stores import study_items
from service.stores.studies import Study
from service.stores.study_vectors import list_sets

IN_MEMORY = 32 * 2**20  # bytes of an archive that is not written to disk
AT_ONCE = 20_000  # items that are written at once
STAMP = (1980, 1, 1, 0, 0, 0)  # of all entries, so that equal studies have equal archives
README = """Study {name}{title}

Made by version {version} of the service. Everything is UTF-8; in .csv files what is missing is empty, and an
apostrophe precedes texts that spreadsheet programs would run as formulas, but for ids and strata.

study.json                      name, items, columns, assignments
codebook.json, .yaml            the newest codebook (.yaml where the server can write it), versions/ the earlier ones
items.csv                       a row for each item, with all columns of the study
assignments.json                designs, seeds, coders and numbers of items of all draws
assignments/NAME.csv            the items of an assignment with their inclusion probabilities and strata
codes/NAME-long.csv             a row for each code, of adjudicators too
codes/NAME-VARIABLE-wide.csv    a row for each item, a column for each coder
codes/NAME-VARIABLE-final.csv   the final code of each item that has one, and the rule by which it is final
label-studio/NAME.json          the codes as annotated tasks of Label Studio
runs.json                       the analyses that have written columns, trained or estimated: options, receipts, figures
vectors.json                    models, fingerprints and receipts of the vectors

To repeat an analysis, run the operation of runs.json with its options on vectors of the same fingerprint. Estimates
read items.csv with codes/NAME-VARIABLE-final.csv, whose column inclusion_prob has the probabilities of the draw.

Not in this archive: pictures, vectors, classifiers, and the tokens of coders. Coders' names are in it.
{notes}"""


def archive(study: Study, check: Check) -> IO[bytes]:
    """The archive as an open file at its beginning."""
    file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
    notes: list[str] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
        taken: set[str] = set()

        def add(name: str, content: str | bytes) -> None:
            check()
            path = PurePosixPath(name)
            number = 1
            while name.casefold() in taken:  # as on disks that do not tell capitals
                number += 1
                name = str(path.with_stem(f"{path.stem}-{number}"))
            taken.add(name.casefold())
            whole.writestr(zipfile.ZipInfo(name, STAMP), content, zipfile.ZIP_DEFLATED)

        card = studies.card(study)
        add("study.json", _json(card.model_dump()))
        if card.codebook is not None:
            for name, content in _codebook(study, card.codebook):
                add(name, content)
        with whole.open(zipfile.ZipInfo("items.csv", STAMP), "w", force_zip64=True) as out:
            for part in _items(study, list(card.columns)):
                check()
                out.write(part)
        made = assignments.list_assignments(study).data
        designs = _designs(study)
        add("assignments.json", _json([{**each.model_dump(), "drawn": designs[each.name]} for each in made]))
        for each in made:
            stem = _safe(each.name)
            add(f"assignments/{stem}.csv", _units(study, each.name))
            if card.codebook is not None:
                for name, content in _codes(study, each.name, stem, notes):
                    add(name, content)
                if each.kind == "items":
                    add(f"label-studio/{stem}.json", _json(label_studio.exported(study, each.name)))
        add("runs.json", _json(runs(study).model_dump()["data"]))
        sets = [{k: v for k, v in vars(each).items() if k != "number"} for each in list_sets(study)]
        add("vectors.json", _json(sets))
        said = "\n".join(["", *notes, ""]) if notes else ""
        title = f": {study.title}" if study.title else ""
        add("README.txt", README.format(name=study.name, title=title, version=__version__, notes=said))
    file.seek(0)
    return file


def chunks(file: IO[bytes], size: int = 2**18) -> Iterator[bytes]:
    """The content of a file, which is closed at its end."""
    with file:
        while part := file.read(size):
            yield part


def _json(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def _safe(name: str) -> str:
    """A name as part of a file's name; names of assignments and variables keep all but a few of their characters."""
    return PurePosixPath(re.sub(r"[^\w.-]+", "_", name)).name.lstrip(".") or "_"


def _codebook(study: Study, newest: int) -> Iterator[tuple[str, bytes | str]]:
    for version in range(1, newest + 1):
        content = Codebook.model_validate(codebooks.read_codebook(study, version).codebook)
        plain = content.model_dump(exclude_defaults=True)
        stem = "codebook" if version == newest else f"versions/codebook-{version}"
        yield f"{stem}.json", _json(plain)
        if find_spec("yaml") is not None:
            import yaml

            yield f"{stem}.yaml", yaml.safe_dump(plain, allow_unicode=True, sort_keys=False)


def _items(study: Study, columns: list[str]) -> Iterator[bytes]:
    """The items as CSV, in parts."""
    header = ["id", "bytes", "width", "height", *map(study_codes.unformulated, columns)]
    yield _rows([header])
    offset: int = 0
    while page := study_items.page_of_items(study.database, limit=AT_ONCE, offset=offset).items:
        yield _rows(
            [
                *(item.id, item.bytes, item.width, item.height),
                *(study_codes.unformulated(item.columns.get(name)) for name in columns),
            ]
            for item in page
        )
        offset += len(page)


def _rows(rows: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(["" if cell is None else cell for cell in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


def _designs(study: Study) -> dict[str, Any]:
    """The design of each assignment, with filters and columns."""
    with study.database.reading() as db:
        rows = db.execute("SELECT name, design FROM assignments").fetchall()
    return {row["name"]: orjson.loads(row["design"]) for row in rows}


def _units(study: Study, assignment: str) -> bytes:
    with study.database.reading() as db:
        rows = db.execute(
            "SELECT i.id, o.id AS other, u.inclusion_prob, u.stratum FROM units u "
            "JOIN assignments a ON a.number = u.assignment JOIN items i ON i.place = u.item "
            "LEFT JOIN items o ON o.place = u.other WHERE a.name = ? ORDER BY u.number",
            (assignment,),
        ).fetchall()
    return _rows([("id", "other", "inclusion_prob", "stratum"), *(tuple(row) for row in rows)])


def _codes(study: Study, assignment: str, stem: str, notes: list[str]) -> Iterator[tuple[str, str]]:
    coded = study_codes.read_codes(study, assignment)
    notes += [f"{assignment}: {remark}." for remark in coded.remarks]
    long = study_codes.table(study, "long", assignment=assignment, adjudicators=True)
    yield f"codes/{stem}-long.csv", study_codes.csv_text(long)
    for variable in coded.variables:
        for layout in ("wide", "final"):
            table = study_codes.table(study, layout, assignment=assignment, variable=variable)
            yield f"codes/{stem}-{_safe(variable)}-{layout}.csv", study_codes.csv_text(table)
