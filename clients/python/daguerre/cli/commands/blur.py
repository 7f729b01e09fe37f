"""`daguerre blur`."""

from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.crops import read_crops
from daguerre.cli.group import Settings
from daguerre.cli.output import finish


@options.command()
@click.argument("images", nargs=-1, required=True)
@options.crops
@options.option(
    "--whole", is_flag=True, help="Blur whole pictures. A server without the detector of faces always does so."
)
@options.output_option("-o", "--out", type=click.Path(file_okay=False), required=True, help="Folder of the copies.")
@options.json_summary
@click.pass_obj
def blur(settings: Settings, images: tuple[str, ...], crops: str | None, whole: bool, out: str, as_json: bool) -> None:
    """Write copies of images (folders, files, globs) with blurred faces: upright JPEGs without metadata.

    The detector misses some faces, and people are also known by clothes, places and texts: look at each copy before
    you pass it on.
    """
    given: Any = images[0] if len(images) == 1 else list(images)
    with settings.client() as client:
        made = client.blur(
            given, out, blur="picture" if whole else "faces", crops=None if crops is None else read_crops(crops)
        )
    faces = sum(each or 0 for each in made.faces)
    written = sum(path is not None for path in made.paths)
    entirely = sum(path is not None and n is None for path, n in zip(made.paths, made.faces, strict=True))
    settings.notify(
        f"{out}: {written:,} copies with {faces:,} blurred faces"
        + (f", and {entirely:,} that are blurred as a whole" if entirely else "")
        + "; look at each, since a detector misses faces"
    )
    finish(settings, made.errors, {"pictures": written, "faces": faces, "blurred": entirely, "out": out}, as_json)
