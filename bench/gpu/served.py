"""Parts through the real service: JPEG files over HTTP and gRPC, memory over many requests, and a full GPU."""

import contextlib
import itertools
import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from bench.gpu import folders
from bench.gpu.common import Place, photos, watched
from bench.load import Generator, make
from bench.servers import Process, free_port
from bench.workers import Worker
from models.catalog.spec import Precision

LEFT = 300 * 10**6  # bytes of GPU memory that are left to a server whose memory is taken away


class Served(Process):
    """`python -m service` with one model by the torch backend."""

    def __init__(self, place: Place, name: str, precision: Precision, **settings: Any) -> None:
        made = folders.model(name, place.shapes[name], precision, place.work, place.device)
        self.model = made.spec.name
        port, self.grpc_port = free_port(), free_port()
        given = {
            "models": self.model,
            "home": place.work / "home",
            "device": place.device,
            "backend": "torch",
            "torch_half": "all",
            "placement": "process",
            "analysers": "none",
            "grpc_port": self.grpc_port,
            "max_items": 1024,
            **settings,
        }
        env = {f"DAGUERRE_{key.upper()}": str(value) for key, value in given.items()}
        env["BENTOML_HOME"] = str(place.work / "bentoml")
        (place.work / "logs").mkdir(exist_ok=True)
        log = place.work / "logs" / f"{name}-{port}.log"
        super().__init__("service", [sys.executable, "-m", "service", "--port", str(port)], port=port, log=log, env=env)

    def metrics(self) -> Mapping[str, float]:
        """Counters and sums of /metrics, without labels."""
        import urllib.request

        totals: dict[str, float] = {}
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            for line in answer.read().decode().splitlines():
                if not line.startswith("#"):
                    name, _, value = line.rpartition(" ")
                    name = name.partition("{")[0]
                    totals[name] = totals.get(name, 0.0) + float(value)
        return totals


@contextlib.contextmanager
def serving(place: Place, name: str, precision: Precision = "bf16", **settings: Any) -> Iterator[Served]:
    """A server that is ready."""
    with Served(place, name, precision, **settings) as server:
        server.wait_ready()
        yield server


def load(
    place: Place, server: Served, encoding: str, *, clients: int, images: int, seconds: float, generators: int
) -> dict[str, Any]:
    """Images per second and latencies under a closed loop of clients, by several generators at once."""
    port = server.grpc_port if encoding == "grpc" else server.port
    before, cpu, begun = server.metrics(), server.cpu_seconds(), time.perf_counter()
    with contextlib.ExitStack() as stack, watched(place) as seen:
        workers = [stack.enter_context(Worker(Generator, photos())) for _ in range(generators)]
        for worker in workers:
            worker.begin(
                "run",
                port=port,
                model=server.model,
                encoding=encoding,
                clients=max(1, clients // generators),
                images=images,
                seconds=seconds,
                warm=seconds / 2,
            )
        results = [worker.result(timeout=120) for worker in workers]
    latencies = sorted(itertools.chain.from_iterable(result.latencies for result in results))
    errors: dict[str, int] = {}
    for result in results:
        for name, count in result.errors.items():
            errors[name] = errors.get(name, 0) + count
    done = sum(result.images for result in results)
    after = server.metrics()
    waited = {
        name.removeprefix("daguerre_"): round(1000 * (after[name] - before.get(name, 0.0)) / max(1, done), 4)
        for name in after
        if name.endswith("_seconds_sum")
    }
    return {
        "images_per_second": round(sum(result.images_per_second for result in results), 1),
        "p50_ms": round(1000 * latencies[len(latencies) // 2], 1) if latencies else None,
        "p99_ms": round(1000 * latencies[int(0.99 * (len(latencies) - 1))], 1) if latencies else None,
        "errors": errors,
        "server_cpu_ms_per_image": round(1000 * (server.cpu_seconds() - cpu) / max(1, done), 3),
        "generator_cpu_share": round(
            sum(result.generator_cpu for result in results) / (time.perf_counter() - begun), 2
        ),
        "ms_per_image": waited,
        **seen,
    }


def uploads(place: Place, name: str = "clip-b32") -> None:
    """JPEG files over HTTP uploads and gRPC, by entry workers, batch, lanes and requests."""
    loads = place.pick(
        (("multipart", 32, 32), ("grpc", 32, 32), ("multipart", 64, 1)), (("multipart", 2, 4), ("grpc", 2, 4))
    )
    for workers, batch, lanes in place.pick(((12, 128, 2), (8, 256, 3), (4, 128, 2), (1, 128, 2)), ((1, 4, 1),)):
        settings = {"entry_workers": workers, "max_batch_images": batch, "lanes": lanes}
        if not place.tiny:
            settings |= {"decode_threads": max(2, 16 // workers), "window": 64}
        started = time.perf_counter()
        with serving(place, name, **settings) as server:
            ready = time.perf_counter() - started
            for encoding, clients, images in loads:
                found = load(
                    place,
                    server,
                    encoding,
                    clients=clients,
                    images=images,
                    seconds=3 * place.seconds,
                    generators=1 if place.tiny else 2,
                )
                place.add(
                    "uploads",
                    model=name,
                    encoding=encoding,
                    clients=clients,
                    images=images,
                    entry_workers=workers,
                    batch=batch,
                    lanes=lanes,
                    ready_seconds=round(ready, 1),
                    **found,
                )


def memory(place: Place, name: str = "clip-b32") -> None:
    """Memory of the server's processes and of the GPU while requests of one image go on, 50,000 of them."""
    requests, steps = place.pick(((50_000, 10),), ((60, 3),))[0]
    settings = {"max_batch_images": 64, "lanes": 2} | ({"placement": "inline"} if place.tiny else {"entry_workers": 4})
    with serving(place, name, **settings) as server:
        sample, done = [], 0
        generator = Generator(photos())
        for _ in range(20 * steps):
            with watched(place) as seen:
                found = generator.run(
                    port=server.port,
                    model=server.model,
                    encoding="multipart",
                    clients=2 if place.tiny else 64,
                    images=1,
                    seconds=2 * place.seconds,
                    warm=0.0,
                )
            done += found.requests
            row = {"requests": done, "server_mb": round(server.pss() / 1e6), "errors": found.errors}
            sample.append({**row, **{key: seen[key] for key in ("gpu_memory_mb",) if key in seen}})
            if done >= requests:
                break
        after_warm = sample[min(1, len(sample) - 1)]
        place.add(
            "memory",
            model=name,
            requests=done,
            growth_mb=sample[-1]["server_mb"] - after_warm["server_mb"],
            gpu_growth_mb=sample[-1].get("gpu_memory_mb", 0) - after_warm.get("gpu_memory_mb", 0),
            samples=sample[:: max(1, len(sample) // 10)],
        )


def full_gpu(place: Place, name: str = "clip-b32") -> None:
    """Answers while another program takes the GPU's memory, and after it gave it back."""
    files = photos()
    settings = {"placement": "inline"} if place.tiny else {"max_batch_images": 512}
    with serving(place, name, **settings) as server:
        one = make("multipart", server.model, files[:1])
        many = make("multipart", server.model, files[:4] if place.tiny else files * 16)
        before = ask(server.port, one)
        taken = []
        if place.on_gpu:
            free, _ = torch.cuda.mem_get_info(place.device)
            while free > LEFT:
                with contextlib.suppress(torch.OutOfMemoryError):
                    taken.append(torch.empty(max(2**20, (free - LEFT) // 2), dtype=torch.uint8, device=place.device))
                left, _ = torch.cuda.mem_get_info(place.device)
                if left == free:
                    break
                free = left
        with ThreadPoolExecutor(4) as pool:
            meanwhile = list(pool.map(lambda request: ask(server.port, request), [many] * 4 + [one]))
        taken.clear()
        if place.on_gpu:
            torch.cuda.empty_cache()
        after = ask(server.port, one)
        place.add("full GPU", model=name, before=before, meanwhile=meanwhile, after=after, alive=server.alive)


def ask(port: int, request: bytes) -> list[Any]:
    """Status and, of an error, the beginning of the message."""
    import http.client

    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:])
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    asked.request("POST", lines[0].split()[1], body, fields)
    answer = asked.getresponse()
    content = answer.read()
    if answer.status == 200:
        return [200]
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return [answer.status, str(json.loads(content)["error"]["message"])[:200]]
    return [answer.status, content[:200].decode(errors="replace")]
