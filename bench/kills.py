"""`embed_corpus` over real images through kill -9 of the client, then of the server: complete, equal, nothing twice.

The images are Tux Paint's stamps (see stamps.py), each whole and in five random crops. What the server computes is
counted by its own counters, before and after its death.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from bench.stamps import fetch
from bench.throughput import say
from daguerre import Client, Embeddings
from tests.e2e import harness

CROPS = 5
RUN = "import sys; from daguerre import Client; print(Client(sys.argv[1], progress=False).embed_corpus(*sys.argv[2:]))"


def images(folder: Path, seed: int = 0) -> int:
    """Fill `folder` with the stamps as JPEGs of at most 640 pixels; how many there are."""
    rng = random.Random(seed)
    files = sorted(fetch().rglob("*.png"))
    for number, path in enumerate(files):
        with Image.open(path) as stamp:
            stamp.thumbnail((640, 640))
            whole = Image.new("RGB", stamp.size, "white")
            pixels = stamp.convert("RGBA")
            whole.paste(pixels, mask=pixels.getchannel("A"))
        for crop in range(CROPS + 1):
            share = rng.uniform(0.5, 0.9) if crop else 1.0
            width, height = max(1, int(whole.width * share)), max(1, int(whole.height * share))
            left, top = rng.randint(0, whole.width - width), rng.randint(0, whole.height - height)
            target = folder / f"{number // 100}" / f"{number:03d}-{crop}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            whole.crop((left, top, left + width, top + height)).save(target, quality=90)
    return len(files) * (CROPS + 1)


def computed(server: harness.Server) -> int:
    """Images that the server has embedded since it was started."""
    with server.client() as client:
        counters = harness.metrics(client)
    return int(counters.get('daguerre_items_total{modality="image",operation="embeddings"}', 0))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=3, help="of the client, before the one of the server")
    given = parser.parse_args()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        n = images(place / "stamps")
        say(f"{n} images")
        settings = {"BENTOML_HOME": str(place / "bentoml"), "DAGUERRE_GRPC_PORT": "0"}
        server = harness.launch(place, settings=settings).wait_ready()
        try:
            out = place / "stamps.parquet"
            command = [sys.executable, "-c", RUN, server.url, str(place / "stamps"), str(out)]
            counted = 0
            for _ in range(given.kills):
                run = subprocess.Popen(command)
                time.sleep(rng.uniform(3, 7))
                run.kill()
                run.wait(10)
                say(f"client killed, {computed(server)} images computed so far")
            run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            time.sleep(4)
            counted += computed(server)
            for process in reversed(server.processes()):
                process.kill()
            server.process.wait(10)
            say(f"server killed, {counted} images computed so far")
            time.sleep(2)
            server = harness.launch(place, settings=settings, port=server.port).wait_ready()
            said, _ = run.communicate(timeout=900)
            print(said.strip())
            counted += computed(server)
            whole = place / "whole.parquet"
            with Client(server.url, progress=False) as client:
                print(client.embed_corpus(place / "stamps", whole))
        finally:
            server.stop()
        one, two = pq.read_table(out), pq.read_table(whole)
        equal = one.drop_columns(["vector"]).equals(two.drop_columns(["vector"]))
        a, b = Embeddings.read_parquet(out), Embeddings.read_parquet(whole)
        print(f"rows equal, in the same order: {equal}; largest difference of a vector's entry: "
              f"{np.nanmax(np.abs(a.vectors - b.vectors)):.1e}")  # fmt: skip
        good = int(a.ok.sum())
        print(f"{counted} computed for {good} vectors: {counted - good} were on their way when somebody died "
              f"({given.kills} kills of the client, one of the server)")  # fmt: skip
        shutil.rmtree(place / "bentoml", ignore_errors=True)


if __name__ == "__main__":
    main()
