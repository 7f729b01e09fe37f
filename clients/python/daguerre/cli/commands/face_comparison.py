"""`daguerre face-matches`, `daguerre persons`, `daguerre verify-faces`."""

from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.results.face_comparison import CURVE, FACES, MATCHES
from daguerre.storage.csv import write_table

THRESHOLD = options.option(
    "--threshold",
    type=click.FloatRange(-1, 1),
    show_default="that of the model, 0.363 for sface",
    help="Cosine from which two faces count as one person.",
)


def _source(given: tuple[str, ...]) -> Any:
    return given[0] if len(given) == 1 else list(given)


@options.command("face-matches")
@click.argument("targets", nargs=-1, required=True)
@options.input_option(
    "--in",
    "source",
    multiple=True,
    required=True,
    help="Faces to compare with: pictures, or the .parquet file of `daguerre face-vectors`.",
)
@THRESHOLD
@options.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Number of faces per target.")
@options.csv_out
@takes_page
@click.pass_obj
def face_matches(
    settings: Settings,
    targets: tuple[str, ...],
    source: tuple[str, ...],
    threshold: float | None,
    top: int,
    out: str,
    report: PageOptions,
) -> None:
    """Find the faces nearest to target faces: target, rank, face, cosine, distance, match.

    TARGETS are pictures, of which all faces are targets, or a .parquet file of `daguerre face-vectors`. The server's
    owner has to switch it on (DAGUERRE_FACE_RECOGNITION=true).
    """
    report.check(out)
    check_table(out, kinds=(".csv",))
    with settings.client() as client:
        found = client.face_matches(_source(targets), _source(source), threshold=threshold, top=top)
        write_table(MATCHES, found.file_rows(), out)
        report.write(settings, found)
    settings.notify(
        f"{int((found.counts > 0).sum()):,} of {len(found):,} targets have a face with a cosine of at least "
        f"{found.threshold:g}, among {len(found.ids):,} faces. A face is no match of itself. {found.notice}"
    )


@options.command("persons")
@click.argument("faces", nargs=-1, required=True)
@THRESHOLD
@options.option(
    "--margin",
    type=click.FloatRange(0, 2),
    show_default="0.05",
    help="Difference of cosines below which a face is marked as close to another person.",
)
@options.input_option(
    "--corrections",
    type=options.FILE,
    help="Table with the columns face and person, as this command writes it, or a, b and same; it is kept exactly.",
)
@options.csv_out
@takes_page
@click.pass_obj
def persons(
    settings: Settings,
    faces: tuple[str, ...],
    threshold: float | None,
    margin: float | None,
    corrections: str | None,
    out: str,
    report: PageOptions,
) -> None:
    """Group faces by person: face, person, cosine, other, other_cosine, close, corrected, moved. Persons are numbers.

    FACES are the .parquet file of `daguerre face-vectors`, or pictures. Correct the column person of the table by hand,
    and give it as --corrections. --report with --pictures thumbnails is a contact sheet of each person. The server's
    owner has to switch it on (DAGUERRE_FACE_RECOGNITION=true).
    """
    report.check(out)
    check_table(out, kinds=(".csv",))
    with settings.client() as client:
        found = client.persons(_source(faces), threshold=threshold, margin=margin, corrections=corrections)
        write_table(FACES, found.rows(), out)
        report.write(settings, found)
    settings.notify(
        f"{len(found.ids):,} faces in {len(found):,} groups; {int(found.close.sum()):,} close to another group. "
        f"{found.notice}"
    )


@options.command("verify-faces")
@click.argument("faces")
@click.argument("codes", type=options.FILE)
@THRESHOLD
@options.input_option("--groups", type=options.FILE, help="Table with the columns face and group, for rates by group.")
@options.option(
    "--wished",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    multiple=True,
    show_default="0.01 and 0.001",
    help="False match rate for which thresholds are wanted.",
)
@options.csv_out
@takes_page
@click.pass_obj
def verify_faces(
    settings: Settings,
    faces: str,
    codes: str,
    threshold: float | None,
    groups: str | None,
    wished: tuple[float, ...],
    out: str,
    report: PageOptions,
) -> None:
    """Measure errors of the comparison of faces on coded pairs: both error rates over thresholds, with intervals.

    FACES is the .parquet file of `daguerre face-vectors`, or a picture or folder. CODES is a table with the columns a,
    b (faces) and same (1 or 0), or face and person (any code, no name is needed), and perhaps group. The server's owner
    has to switch it on (DAGUERRE_FACE_RECOGNITION=true).
    """
    report.check(out)
    check_table(out, kinds=(".csv",))
    with settings.client() as client:
        found = client.verify_faces(faces, codes, threshold=threshold, groups=groups, wished=list(wished) or None)
        write_table(("threshold", *CURVE), found.table_rows(), out)
        report.write(settings, found)
    for line in found.lines():
        settings.notify(line)
    settings.notify(found.notice)
