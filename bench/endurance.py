"""Ten thousand requests of all kinds at 32 clients: errors, and memory after the first thousand and after the last.

A third each embeds an image, embeds a text, and labels an image. The load generator is httpx in threads.
"""

import argparse
import itertools
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from bench.jpegs import jpegs
from bench.servers import Server

CLIENTS = 32
LABELS = ["a cat", "a cup of coffee", "a rocket", "a page of text"]


def drive(server: Server, model: str, requests: int) -> dict[str, Any]:
    """Send `requests` requests; errors by kind, PSS in MB at 1,000 and at the end, seconds."""
    photos = jpegs()
    words = Path(__file__).read_text().split()
    counter, errors = itertools.count(), Counter[str]()
    memory: dict[int, float] = {}
    lock = threading.Lock()

    def client(seed: int) -> None:
        rng = random.Random(seed)
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=120, trust_env=False) as http:
            while (number := next(counter)) < requests:
                photo = ("photo.jpg", rng.choice(photos), "image/jpeg")
                try:
                    if number % 3 == 0:
                        answer = http.post("/v1/embeddings", data={"model": model}, files={"input": photo})
                    elif number % 3 == 1:
                        text = " ".join(rng.choices(words, k=rng.randint(1, 60)))
                        answer = http.post("/v1/embeddings", json={"model": model, "input": text})
                    else:
                        data = {"model": model, "labels": LABELS}
                        answer = http.post("/v1/zero-shot", data=data, files={"input": photo})
                    found = "ok" if answer.status_code == 200 else f"{answer.status_code} {answer.text[:80]}"
                except httpx.HTTPError as exc:
                    found = type(exc).__name__
                if found != "ok":
                    errors[found] += 1
                if number == 1000:
                    with lock:
                        memory[1000] = server.pss() / 2**20

    started = time.perf_counter()
    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory[requests] = server.pss() / 2**20
    return {"errors": dict(errors), "pss_mb": memory, "seconds": time.perf_counter() - started}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.endurance", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="DAGUERRE_HOME")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--placement", default="process", choices=["inline", "process"])
    parser.add_argument("--requests", type=int, default=10_000)
    given = parser.parse_args()
    log = given.home / "endurance.log"
    with Server(given.placement, given.model, given.home, log) as server:
        server.wait_ready()
        found = drive(server, given.model, given.requests)
    first, last = found["pss_mb"][1000], found["pss_mb"][given.requests]
    found |= {"growth": last / first - 1, "model": given.model, "placement": given.placement}
    found["load_average"] = os.getloadavg()[0]
    print(json.dumps(found, indent=1))
    sys.exit(bool(found["errors"]) or last > 1.05 * first)


if __name__ == "__main__":
    main()
