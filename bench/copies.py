"""Generated pictures that share a layout, and altered copies of pictures: the material of bench/duplicates.py.

Everything is drawn by Pillow from a seed. Two pictures of one layout have different content; a copy has the same.
"""

import io
from collections.abc import Callable, Mapping
from random import Random

import skimage.data
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

TEXT = """
march climate vote today people street police city water school union strike free justice rent food
bread peace war law court night morning river truth power women workers students teachers never
always again against without because tomorrow yesterday together nobody everyone demand refuse
listen speak change future planet energy housing
"""
WORDS = TEXT.split()
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
Copy = Callable[[Image.Image, Random], Image.Image]


def sentence(rng: Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words)).capitalize() + "."


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def wrapped(draw: ImageDraw.ImageDraw, text: str, face: ImageFont.FreeTypeFont, width: int) -> str:
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and draw.textlength(longer, face) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return "\n".join([*lines, line])


def tweet(rng: Random, *, words: int = 22, dark: bool = False, text: str | None = None) -> Image.Image:
    """A post of a short-message service: the same head and foot, other words."""
    paper, ink, grey = ("#15202b", "#ffffff", "#8899a6") if dark else ("#ffffff", "#0f1419", "#536471")
    image = Image.new("RGB", (600, 340), paper)
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 20, 76, 76), fill="#1d9bf0")
    draw.text((92, 22), "City News", ink, font(20))
    draw.text((92, 48), "@citynews", grey, font(17))
    face = font(22)
    draw.text((20, 96), wrapped(draw, text or sentence(rng, words), face, 550), ink, face, spacing=8)
    draw.line((20, 284, 580, 284), fill=grey)
    for at, number in enumerate((rng.randint(2, 99), rng.randint(2, 99), rng.randint(100, 999))):
        draw.text((40 + 190 * at, 298), f"{number}", grey, font(17))
    return image


def slide(rng: Random) -> Image.Image:
    """A slide of a talk: the same bar and logo, another title and list."""
    image = Image.new("RGB", (800, 450), "#f4f1ea")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 800, 70), fill="#7a1f3d")
    draw.text((24, 16), sentence(rng, 4), "white", font(30))
    for line in range(5):
        draw.text((50, 100 + 60 * line), f"• {sentence(rng, 6)}", "#222222", font(22))
    draw.ellipse((730, 390, 780, 440), fill="#7a1f3d")
    return image


def chat(rng: Random) -> Image.Image:
    """A phone's chat: bubbles at the same places, other words."""
    image = Image.new("RGB", (390, 700), "#e5ddd5")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 390, 60), fill="#075e54")
    draw.text((20, 16), "Family", "white", font(22))
    for at in range(7):
        left = 12 if at % 2 else 90
        draw.rounded_rectangle(
            (left, 76 + 88 * at, left + 286, 150 + 88 * at), 10, fill="#ffffff" if at % 2 else "#dcf8c6"
        )
        draw.text((left + 12, 86 + 88 * at), wrapped(draw, sentence(rng, 6), font(17), 262), "#111111", font(17))
    return image


def table(rng: Random) -> Image.Image:
    """A sheet of figures: the same lines, other numbers."""
    image = Image.new("RGB", (520, 520), "white")
    draw = ImageDraw.Draw(image)
    for row in range(12):
        draw.line((10, 30 + 40 * row, 510, 30 + 40 * row), fill="#999999")
        for column in range(4):
            draw.text((24 + 125 * column, 38 + 40 * row), f"{rng.randint(1000, 99999)}", "black", font(19))
    return image


def meme(rng: Random, *, photo: str, both: bool = True) -> Image.Image:
    """A photo with white captions, outlined in black."""
    image = Image.fromarray(getattr(skimage.data, photo)()).convert("RGB").resize((500, 400))
    draw = ImageDraw.Draw(image)
    for y in (12, 340) if both else (340,):
        text = " ".join(rng.choices(WORDS, k=3)).upper()
        draw.text((250, y), text, "white", font(36), anchor="ma", stroke_width=3, stroke_fill="black")
    return image


def logo(rng: Random) -> Image.Image:
    """White on transparency: a ring and three letters."""
    image = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 20, 280, 280), outline="white", width=14)
    letters = "".join(rng.choices("ABCDEFGHKLMNPRSTUVXZ", k=3))
    draw.text((150, 150), letters, "white", font(84), anchor="mm")
    return image


TEMPLATES: Mapping[str, Callable[[Random], Image.Image]] = {
    "posts": tweet,
    "dark posts": lambda rng: tweet(rng, dark=True),
    "short posts": lambda rng: tweet(rng, words=5),
    "slides": slide,
    "chats": chat,
    "tables": table,
    "memes": lambda rng: meme(rng, photo="chelsea"),
    "memes, one line": lambda rng: meme(rng, photo="coffee", both=False),
    "white logos": logo,
}


def one_word(rng: Random) -> tuple[Image.Image, Image.Image]:
    """Two posts that differ in one word."""
    seed, words = rng.random(), rng.choices(WORDS, k=20)
    other = list(words)
    other[rng.randrange(20)] = rng.choice([word for word in WORDS if word not in words])
    first, second = (tweet(Random(seed), text=" ".join(each)) for each in (words, other))
    return first, second


def jpeg(quality: int) -> Copy:
    def copy(image: Image.Image, rng: Random) -> Image.Image:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality)
        return Image.open(stream).convert("RGB")

    return copy


def resized(scale: float) -> Copy:
    def copy(image: Image.Image, rng: Random) -> Image.Image:
        return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)

    return copy


def cropped(share: float) -> Copy:
    """Cut off up to `share` of each side, at least a third of it."""

    def copy(image: Image.Image, rng: Random) -> Image.Image:
        cut = [rng.uniform(share / 3, share) for _ in range(4)]
        w, h = image.size
        return image.crop((round(cut[0] * w), round(cut[1] * h), round(w - cut[2] * w), round(h - cut[3] * h)))

    return copy


def brighter(factor: float) -> Copy:
    return lambda image, rng: ImageEnhance.Brightness(image).enhance(factor)


def watermarked(image: Image.Image, rng: Random) -> Image.Image:
    """The name of an agency in a corner, half transparent."""
    layer = Image.new("RGBA", image.size, (255, 255, 255, 0))
    draw = ImageDraw.Draw(layer)
    size = max(8, image.width // 22)
    corner = rng.choice([("ls", 0.03, 0.97), ("rs", 0.97, 0.97), ("lt", 0.03, 0.03), ("rt", 0.97, 0.03)])
    fill, edge = rng.choice([((255, 255, 255, 128), (0, 0, 0, 128)), ((0, 0, 0, 128), (255, 255, 255, 128))])
    at = corner[1] * image.width, corner[2] * image.height
    draw.text(at, "© photo agency", fill, font(size), anchor=corner[0], stroke_width=1, stroke_fill=edge)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def stamped(image: Image.Image, rng: Random) -> Image.Image:
    """One word across the middle, three quarters transparent."""
    layer = Image.new("RGBA", image.size, (255, 255, 255, 0))
    size = max(8, image.width // 8)
    ImageDraw.Draw(layer).text(
        (image.width / 2, image.height / 2), "SAMPLE", (128, 128, 128, 90), font(size), anchor="mm"
    )
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


COPIES: Mapping[str, Copy] = {
    "JPEG 30": jpeg(30),
    "JPEG 50": jpeg(50),
    "JPEG 75": jpeg(75),
    "JPEG 90": jpeg(90),
    "half size": resized(0.5),
    "1.5 times the size": resized(1.5),
    "watermark in a corner": watermarked,
    "watermark across": stamped,
    "1 % cropped": cropped(0.01),
    "2 % cropped": cropped(0.02),
    "3 % cropped": cropped(0.03),
    "brightness 1.2": brighter(1.2),
    "brightness 0.8": brighter(0.8),
}
