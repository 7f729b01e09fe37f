"""Process 1 of the container: shows DAGUERRE_HOME the models and analysers of the image, and becomes the server.

DAGUERRE_HOME is a volume, empty at first or of an older image, and hides what the image has in its place: so the
image's models lie elsewhere, and are linked into it at every start. A model that the volume has itself stays. The
image's analysers are beside its models, in a folder `analysers`.

Usage: entrypoint.py FOLDER [OPTIONS OF python -m service]
"""

import json
import os
import sys
from pathlib import Path

MANIFEST = "model.json"
# the catalogue's own: several may lie side by side, and the code takes the one that fits
BY_FINGERPRINT = {
    *("embedded", "colour-histogram", "embedded-large", "embedded-multilingual"),
    "e5-small-multilingual-q4",
}


def name_of(folder: Path) -> str | None:
    """The model in `folder`; None where there is none, or none that can be read."""
    try:
        name = json.loads((folder / MANIFEST).read_text())["spec"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(name)


def link(baked: Path, home: Path, kind: str = "models") -> list[str]:
    """Link each folder of a model or analyser in `baked` into the folder `kind` of `home`; the names that were linked.

    Links of an earlier image go first. Raises OSError where `home` cannot be written.
    """
    models = home / kind
    models.mkdir(parents=True, exist_ok=True)
    for path in models.iterdir():
        if path.is_symlink() and path.readlink().parent == baked:
            path.unlink(missing_ok=True)
    own = {name_of(path) for path in models.iterdir() if not path.name.startswith(".")}
    linked = []
    for folder in sorted(baked.iterdir()) if baked.is_dir() else ():
        name = name_of(folder)
        place = models / folder.name
        if name is None or place.exists():
            continue
        if kind == "models" and name in own - BY_FINGERPRINT:
            print(f"daguerre: model {name}: the one in {models} is used, not the image's", flush=True)
            continue
        place.symlink_to(folder)
        linked.append(name)
    return linked


def main() -> None:
    baked = Path(sys.argv[1])
    home = Path(os.environ["DAGUERRE_HOME"])
    try:
        linked = link(baked, home)
        analysers = link(baked.parent / "analysers", home, "analysers")
    except OSError as exc:
        sys.exit(
            f"daguerre cannot start: DAGUERRE_HOME: {home} cannot be written by user {os.getuid()} ({exc.strerror}); "
            f"mount a volume there that this user owns: chown {os.getuid()}:{os.getgid()}, or fsGroup in Kubernetes"
        )
    print(f"daguerre: models of the image: {', '.join(linked) or 'none'}", flush=True)
    print(f"daguerre: analysers of the image: {', '.join(analysers) or 'none'}", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "service", *sys.argv[2:]])


if __name__ == "__main__":
    main()
