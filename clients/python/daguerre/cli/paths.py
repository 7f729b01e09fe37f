"""Types of arguments that are paths."""

import os
from typing import Any

import click

from daguerre.storage.dataset import is_dataset


class FileOrVectors(click.Path):
    """A file, or a folder of vectors of `daguerre embed`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found: Any = super().convert(value, param, ctx)
        if os.path.isdir(found) and not is_dataset(found):
            self.fail(f"{found} is a folder, and none of vectors; give a file, or a folder of `daguerre embed`", param)
        return found


VECTOR_FILE = FileOrVectors(exists=True)
