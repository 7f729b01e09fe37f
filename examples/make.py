"""Make the example files from three photos in the public domain: `python examples/make.py`, with ffmpeg.

Writes photos/, coded/ with labels.csv, news/, posts.csv, codes.csv and words.txt beside this file.
"""

import csv
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

HERE = Path(__file__).parent
PHOTOS = {"cat": data.chelsea, "coffee": data.coffee, "rocket": data.rocket}
PROTEST = """\
Thousands marched to the parliament this morning.
We will not be silent. See you at the demonstration on Saturday.
Police stopped the march before it reached the bridge.
The strike enters its third day, and the picket line holds.
Students occupy the main hall and demand lower fees.
Banners, drums and a crowd that fills the whole avenue.
Sit-in at the ministry: bring water and a friend.
The protest against the new law was peaceful.
Farmers block the motorway with their tractors.
Climate strike: ten cities, one demand.
Activists chained themselves to the gate of the mine.
The rally ended with speeches on the cathedral square.""".splitlines()
OTHER = """\
The minister opened the new hospital wing today.
A recipe for lentil soup that never fails.
Our library has longer opening hours from Monday.
The match ended two to two after extra time.
Register now for the summer course in statistics.
The trains run every ten minutes again.
Sunny at first, with some clouds in the evening.
Thank you for visiting our stand at the book fair.
Interview with the candidate about the housing plan.
The choir is looking for tenors and basses.
A quiet evening by the lake with good friends.
The budget committee meets on Thursday at nine.""".splitlines()


def main() -> None:
    """Write all files."""
    rng = np.random.default_rng(0)
    for folder in ("photos", "coded", "news"):
        (HERE / folder).mkdir(exist_ok=True)
    pictures = {name: Image.fromarray(read()).convert("RGB") for name, read in PHOTOS.items()}
    for name, picture in pictures.items():
        picture.save(HERE / "photos" / f"{name}.jpg", quality=85)
    labels = []
    for i in range(36):
        name = list(pictures)[i % 3]
        picture = pictures[name]
        side = int(rng.uniform(0.6, 0.9) * min(picture.size))
        left, top = (int(rng.integers(0, size - side + 1)) for size in picture.size)
        crop = picture.crop((left, top, left + side, top + side)).resize((160, 160), Image.Resampling.LANCZOS)
        crop.save(HERE / "coded" / f"{i:03d}.jpg", quality=80)
        labels.append((f"coded/{i:03d}.jpg", "cat" if name == "cat" else "other"))
    table("labels.csv", ("path", "target"), labels)
    posts = [("protest", text) for text in PROTEST] + [("other", text) for text in OTHER]
    table("posts.csv", ("id", "text", "target"), [(f"p{i:02d}", text, code) for i, (code, text) in enumerate(posts)])
    codes = [(coder, f"p{i:02d}", code) for coder in ("anna", "ben") for i, (code, _) in enumerate(posts)]
    disputed = {("ben", "p03"): "other", ("ben", "p20"): "protest"}
    table("codes.csv", ("coder", "item", "code"), [(c, i, disputed.get((c, i), code)) for c, i, code in codes])
    (HERE / "words.txt").write_text("a cat\na cup of coffee\na rocket launch\n")
    inputs = [part for name in PHOTOS for part in ("-loop", "1", "-t", "2", "-i", str(HERE / f"photos/{name}.jpg"))]
    scaled = "".join(f"[{i}]scale=320:240,setsar=1,fps=10[v{i}];" for i in range(3))
    joined = "".join(f"[v{i}]" for i in range(3)) + "concat=n=3:v=1"
    output = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-crf", "30", "-movflags", "+faststart"]
    command = ["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", scaled + joined, *output]
    subprocess.run([*command, str(HERE / "news" / "news.mp4")], check=True)


def table(name: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Write a table."""
    with (HERE / name).open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    main()
