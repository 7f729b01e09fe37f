"""Video: each sampling policy against plain PyAV decoding of the same frames, and shot cuts against other finders'.

    python -m bench.video                    speed and cuts, as Markdown (needs ffmpeg on the path)
    python -m bench.video --rounds 9
    python -m bench.video --pyscenedetect    PySceneDetect's cuts, where that is installed, as in tests/models/clips.py

Plain PyAV is the fastest form found of it: it opens the file by its name, decodes in order with the same threads, turns
the wanted frames into arrays by one scaler that it keeps, with one thread, and stops after the last; it holds one
array while it makes the next, as whoever uses them does; for keyframes it
sets `skip_frame`. It knows beforehand which are wanted. (`frame.to_image()` is no fair opponent: it makes a scaler and
its threads anew for each frame and copies row by row in Python, four to ten times slower than this.) Shots cannot be
found without decoding everything, so beside them it decodes the whole clip; it looks for no cut.
"""

import argparse
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter

from models.images.preprocess import Preprocess
from models.video.opening import VideoLimits
from models.video.policies import Evenly, Every, Keyframes, Policy, Shots
from models.video.sampling import find_shots, sample
from models.video.shots import Detector
from tests.models import clips

LIMITS = VideoLimits()
CLIPS = ("bikes", "bigbuckbunny", "world", "cuts")
POLICIES: dict[str, Policy] = {
    "every frame": Every(seconds=0.01),
    "every 1 s": Every(seconds=1.0),
    "evenly, 10": Evenly(n=10),
    "keyframes": Keyframes(),
    "shots, first": Shots(take="first"),
    "shots, middle": Shots(),
}
TARGET = Preprocess(size=224, resize="shortest_edge", crop=True)
SCENE = (0.1, 0.2, 0.3, 0.4)  # thresholds of ffmpeg's filter; its manual suggests 0.3 to 0.5


def plain(path: Path, wanted: Sequence[int], *, keyframes: bool, whole: bool) -> int:
    """Arrays of the wanted timestamps; `whole`: decode on to the end."""
    left, found = set(wanted), 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        scaler = VideoReformatter()
        if keyframes:
            stream.codec_context.skip_frame = "NONKEY"
        for frame in container.decode(stream):
            if frame.pts in left:
                picture = scaler.reformat(frame, format="rgb24", threads=1).to_ndarray()
                found += picture.ndim == 3
                left.remove(frame.pts)
                if not left and not whole:
                    break
    return found


def timed(do: Callable[[], int]) -> tuple[float, float, int]:
    """Wall seconds, seconds of all cores, and what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = do()
    return time.perf_counter() - wall, time.process_time() - cpu, done


def speed(rounds: int) -> None:
    print("| clip | policy | frames | ours, frames/s | plain PyAV | ratio (lowest to highest) | ratio of CPU time |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in CLIPS:
        path = clips.fetch(name)
        for label, policy in POLICIES.items():
            wanted = [frame.pts for frame in sample(path, policy, limits=LIMITS)]
            single = len(wanted) == 1 or (isinstance(policy, Keyframes) and name == "bigbuckbunny")  # fell back
            whole = isinstance(policy, Shots)
            walls, cpus, ours, theirs = [], [], [], []
            for turn in range(rounds):
                keyframes = isinstance(policy, Keyframes) and not single
                runs = [
                    lambda p=path, q=policy: sum(1 for _ in sample(p, q, limits=LIMITS)),
                    lambda p=path, w=wanted, k=keyframes, s=whole: plain(p, w, keyframes=k, whole=s),
                ]
                first, second = (timed(run) for run in (runs if turn % 2 else runs[::-1]))  # each goes first in turn
                a, b = (first, second) if turn % 2 else (second, first)
                assert a[2] == b[2] == len(wanted)
                walls.append(b[0] / a[0])
                cpus.append(b[1] / a[1])
                ours.append(len(wanted) / a[0])
                theirs.append(len(wanted) / b[0])
            print(
                f"| {name} | {label} | {len(wanted)} | {statistics.median(ours):,.0f}"
                f" | {statistics.median(theirs):,.0f}"
                f" | {statistics.median(walls):.2f} ({min(walls):.2f} to {max(walls):.2f})"
                f" | {statistics.median(cpus):.2f} |",
                flush=True,
            )


def scaled(rounds: int) -> None:
    print("\nEvery frame of a clip to 224 x 224, frames/s:\n\n| clip | exact | scaled |\n| --- | --- | --- |")
    for name in ("bikes", "bigbuckbunny"):
        path, rates = clips.fetch(name), {}
        for mode in ("exact", "scaled"):
            options = {"limits": LIMITS, "target": TARGET, "decode": mode}
            runs = [
                timed(lambda p=path, o=options: sum(1 for _ in sample(p, Every(seconds=0.01), **o)))
                for _ in range(rounds)
            ]
            rates[mode] = statistics.median(n / wall for wall, _, n in runs)
        print(f"| {name} | {rates['exact']:,.0f} | {rates['scaled']:,.0f} |", flush=True)


def matched(found: Sequence[int], wanted: Sequence[int]) -> str:
    """Precision and recall of the positions `found` against `wanted`, within one frame."""

    def hits(some: Sequence[int], others: Sequence[int]) -> int:
        return sum(any(abs(a - b) <= 1 for b in others) for a in some)

    precision, recall = (
        f"{hits(a, b)}/{len(a)} = {hits(a, b) / len(a):.3f}" if a else "0/0"
        for a, b in ((found, wanted), (wanted, found))
    )
    return f"{precision} | {recall}"


def scene_filter(path: Path, threshold: float, rate: float) -> list[int]:
    """Frame numbers that ffmpeg's scene filter selects."""
    select = f"select='gt(scene,{threshold})',showinfo"
    command = ["ffmpeg", "-v", "info", "-i", str(path), "-an", "-vf", select, "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return [round(float(at) * rate) for at in re.findall(r"pts_time:([\d.]+)", said)]


def cuts() -> None:
    print("\n| clip | cuts of | against | precision | recall |\n| --- | --- | --- | --- | --- |")
    for name, rate, transnet, pyscenedetect in (
        ("cuts", 25, clips.TRANSNET_CUTS, clips.PYSCENEDETECT_CUTS),
        ("bikes", 25, clips.BIKES_CUTS, clips.BIKES_CUTS),
        ("bigbuckbunny", 25, (), ()),
        ("world", 30, (), ()),
    ):
        path = clips.fetch(name)
        ours = {}
        for method in ("adaptive", "content"):
            found = find_shots(path, Detector(method=method), limits=LIMITS)  # type: ignore[arg-type]
            ours[method] = [round(shot.start * rate) for shot in found][1:]
        filtered = {threshold: scene_filter(path, threshold, rate) for threshold in SCENE}
        for method, found in ours.items():
            print(f"| {name} | {method} | PySceneDetect's adaptive | {matched(found, pyscenedetect)} |")
            print(f"| {name} | {method} | TransNet V2 | {matched(found, transnet)} |")
        for threshold, theirs in filtered.items():
            print(f"| {name} | ffmpeg scene > {threshold} | TransNet V2 | {matched(theirs, transnet)} |")
            print(
                f"| {name} | adaptive | ffmpeg scene > {threshold} | {matched(ours['adaptive'], theirs)} |", flush=True
            )


def pyscenedetect() -> None:
    from scenedetect import AdaptiveDetector, SceneManager, open_video  # its own environment: it wants opencv-python

    for name in CLIPS:
        manager = SceneManager()
        manager.add_detector(AdaptiveDetector())
        manager.detect_scenes(open_video(str(clips.fetch(name)), backend="pyav"))
        print(name, [start.frame_num for start, _ in manager.get_scene_list()][1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pyscenedetect", action="store_true")
    arguments = parser.parse_args()
    if arguments.pyscenedetect:
        pyscenedetect()
        return
    speed(arguments.rounds)
    scaled(arguments.rounds)
    cuts()


if __name__ == "__main__":
    main()
