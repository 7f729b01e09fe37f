"""Runs the blocks of one document in order, in the working directory: `python -m tests.docs.blocks FILE SERVER`.

SERVER has the address of a running server, for the default one that the documents name. A block of bash keeps the
working directory of the one before; blocks of Python share their variables.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("bash", "python")
SHOWN = ("json", "text", "r")  # answers, and what only shows a form; tests/clients/r runs blocks of R
NOT_RUN = {  # the beginning of a line of a block that the tests do not run, and the reason
    "scripts/": "starts what the tests are part of",
    "docker ": "needs a container engine",
    "kubectl ": "needs a cluster",
    "useradd ": "needs root",
    "pip install": "needs a package index; tests/docs/test_client.py installs the wheel",
    ".venv/bin/python -m models fetch": "needs a network",
    "cd /var/lib/daguerre": "needs an installed server",
    "python -m bench": "takes minutes",
    "vllm serve": "needs a GPU and weights",
    "hf download": "needs a network",
    "git clone": "needs an address",
    "from pyspark": "needs Spark and a JVM",
    "daguerre cluster --server-folder": "needs a folder of vectors on the server",
    "import ray": "needs Ray",
    'F = client.faces("portraits/"': "needs pictures of people, and coders",
    "clf = study.train(": "needs more coded pictures than the examples are",
    'client.zero_shot(images="photos/", labels=["a protest"': "needs CLIP",
}


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int

    @property
    def reason(self) -> str | None:
        """Why the block is not run; None if it is."""
        lines = [line.strip() for line in self.text.splitlines()]
        return next((why for start, why in NOT_RUN.items() for line in lines if line.startswith(start)), None)


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a document."""
    text = path.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)


def run(path: Path, port: str, grpc_port: str) -> None:
    """Run every block. Raises the error of the first that fails."""
    variables: dict[str, object] = {"__name__": "__main__"}
    place = Path.cwd() / ".folder"  # where a block of bash leaves its working directory
    for block in blocks(path):
        if block.language not in RUN or block.reason:
            continue
        print(f"--- {path.name}, line {block.line}", flush=True)
        text = re.sub(r"\b(localhost|127\.0\.0\.1):3000\b", rf"127.0.0.1:{port}", block.text)
        text = re.sub(r"\b(localhost|127\.0\.0\.1):3001\b", rf"127.0.0.1:{grpc_port}", text)
        if block.language == "python":
            exec(compile(text, f"{path.name}:{block.line}", "exec"), variables)
            continue
        script = f'set -euo pipefail\ncurl() {{ command curl --fail-with-body "$@"; }}\n{text}\npwd > {place}\n'
        subprocess.run(["bash", "-c", script], check=True, timeout=300)
        os.chdir(place.read_text().strip())


if __name__ == "__main__":
    run(Path(sys.argv[1]), *sys.argv[2:4])
