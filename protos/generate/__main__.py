"""Write the .proto files and the lock: `python -m protos.generate`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from protos.generate import schemas
from protos.generate.build import Builder, Rules
from protos.generate.declarations import File
from protos.generate.lock import Lock, LockError
from protos.generate.render import FOLDER, render
from protos.generate.table import FILES, RULES

HERE = Path(__file__).parents[1]


def generate(root: Path, files: Sequence[File], rules: Rules, known: schemas.Schemas) -> dict[Path, str]:
    """The text of each file below `root`, the lock included. Nothing is written. Raises LockError."""
    lock = Lock.read(root / "lock.json")
    paths = {file.name: root / FOLDER / f"{file.name}.proto" for file in files}
    for path in filter(Path.exists, paths.values()):
        lock.refuse_renumbering(path.read_text(encoding="utf-8"))
    homes = {each.name: file.name for file in files for each in file.declared}
    builder = Builder(files, rules, known, lock)
    texts = {paths[file.name]: render(file, [builder.build(each) for each in file.declared], homes) for file in files}
    return texts | {root / "lock.json": lock.text()}


def write(texts: dict[Path, str]) -> None:
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        write(generate(HERE, FILES, RULES, schemas.load()))
    except LockError as error:
        sys.exit(f"protos: {error}")
