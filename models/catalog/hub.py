"""Models of the hub by name, each pinned to a commit, with the properties that its files must have.

Resampling, normalisation, token limits and temperature are read from the files of that commit; a row holds
what the files lack, and what detects a wrong download.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from models.catalog.spec import Modality, ModelSpec
from models.images.preprocess import ResizeMode

CLIP_TEMPLATES = (
    "a photo of {}.",
)  # Radford et al. 2021, section 3.1.4; without an article, since labels bring their own
SIGLIP_TEMPLATES = ("this is a photo of {}.",)  # from the authors' demonstration
DEFAULT_NEGATIVES = ("something else",)


@dataclass(frozen=True, kw_only=True)
class HubModel:
    """A model of the hub: `repository` at the commit `revision`."""

    name: str
    repository: str
    revision: str
    description: str
    licence: str
    dimension: int
    image: tuple[int, ResizeMode] | None = None  # side in pixels and resizing; None: no images
    max_tokens: int | None = None  # None: no texts
    templates: tuple[str, ...] = ()
    prefix: str = ""  # put before every text
    notice: str | None = None

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that the model embeds."""
        return (*(("image",) if self.image else ()), *(("text",) if self.max_tokens else ()))


def _clip(name: str, repository: str, revision: str, dimension: int, description: str) -> HubModel:
    return HubModel(
        name=name,
        repository=repository,
        revision=revision,
        description=description,
        licence="MIT",
        dimension=dimension,
        image=(224, "shortest_edge"),
        max_tokens=77,
        templates=CLIP_TEMPLATES,
    )


_ROWS = (
    _clip(
        "clip-vit-base-patch32",
        "openai/clip-vit-base-patch32",
        "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
        512,
        "OpenAI's CLIP, ViT-B/32: the field's usual small model. English labels.",
    ),
    _clip(
        "clip-vit-base-patch16",
        "openai/clip-vit-base-patch16",
        "57c216476eefef5ab752ec549e440a49ae4ae5f3",
        512,
        "OpenAI's CLIP, ViT-B/16: four times the patches of B/32, better on small objects.",
    ),
    _clip(
        "clip-vit-large-patch14",
        "openai/clip-vit-large-patch14",
        "32bd64288804d66eefd0ccbe215aa642df71cc41",
        768,
        "OpenAI's CLIP, ViT-L/14: the one that most papers report. Needs a GPU for speed.",
    ),
    _clip(
        "clip-vit-b-32-laion2b",
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        "1a25a446712ba5ee05982a381eed697ef9b435cf",
        512,
        "OpenCLIP's ViT-B/32 trained on LAION-2B: public training data, better than OpenAI's on ImageNet.",
    ),
    _clip(
        "clip-vit-b-16-laion2b",
        "laion/CLIP-ViT-B-16-laion2B-s34B-b88K",
        "7288da5a0d6f0b51c4a2b27c624837a9236d0112",
        512,
        "OpenCLIP's ViT-B/16 trained on LAION-2B.",
    ),
    _clip(
        "clip-vit-l-14-laion2b",
        "laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
        "1627032197142fbe2a7cfec626f4ced3ae60d07a",
        768,
        "OpenCLIP's ViT-L/14 trained on LAION-2B. Needs a GPU for speed.",
    ),
    HubModel(
        name="siglip2-base-patch16-224",
        repository="google/siglip2-base-patch16-224",
        revision="75de2d55ec2d0b4efc50b3e9ad70dba96a7b2fa2",
        description="SigLIP 2, base: multilingual labels, scores per label by a sigmoid (use multi_label).",
        licence="Apache-2.0",
        dimension=768,
        image=(224, "squash"),
        max_tokens=64,
        templates=SIGLIP_TEMPLATES,
    ),
    HubModel(
        name="siglip2-so400m-patch14-384",
        repository="google/siglip2-so400m-patch14-384",
        revision="e8e487298228002f3d8a82e0cd5c8ea9c567f57f",
        description="SigLIP 2, shape-optimised 400M at 384 pixels: the best here for zero-shot. Needs a GPU.",
        licence="Apache-2.0",
        dimension=1152,
        image=(384, "squash"),
        max_tokens=64,
        templates=SIGLIP_TEMPLATES,
    ),
    HubModel(
        name="dinov2-small",
        repository="facebook/dinov2-small",
        revision="ed25f3a31f01632728cabb09d1542f84ab7b0056",
        description="DINOv2, small: images only; for clustering, duplicates and trained classifiers.",
        licence="Apache-2.0",
        dimension=384,
        image=(224, "shortest_edge"),
    ),
    HubModel(
        name="dinov2-base",
        repository="facebook/dinov2-base",
        revision="f9e44c814b77203eaa57a6bdbbd535f21ede1415",
        description="DINOv2, base: images only; for clustering, duplicates and trained classifiers.",
        licence="Apache-2.0",
        dimension=768,
        image=(224, "shortest_edge"),
    ),
    HubModel(
        name="vit-base-patch16-224",
        repository="google/vit-base-patch16-224",
        revision="3f49326eb077187dfe1c2a2bb15fbd74e6ab91e3",
        description="ViT-B/16 trained on ImageNet-21k and 1k: images only; a start for fine-tuning.",
        licence="Apache-2.0",
        dimension=768,
        image=(224, "squash"),
    ),
    HubModel(
        name="multilingual-e5-small",
        repository="intfloat/multilingual-e5-small",
        revision="614241f622f53c4eeff9890bdc4f31cfecc418b3",
        description="Multilingual E5, small: texts of a hundred languages, to 512 tokens. Each text gets the "
        'prefix "query: ", as its authors recommend for comparing texts with each other.',
        licence="MIT",
        dimension=384,
        max_tokens=512,
        prefix="query: ",
    ),
    HubModel(
        name="paraphrase-multilingual-minilm-l12-v2",
        repository="sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        revision="e8f8c211226b894fcb81acc59f3b34ba3efd5f42",
        description="Multilingual MiniLM: short texts of fifty languages, to 128 tokens.",
        licence="Apache-2.0",
        dimension=384,
        max_tokens=128,
    ),
    HubModel(
        name="all-minilm-l6-v2",
        repository="sentence-transformers/all-MiniLM-L6-v2",
        revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        description="MiniLM: English sentences, to 256 tokens; small and quick.",
        licence="Apache-2.0",
        dimension=384,
        max_tokens=256,
    ),
)
HUB: Mapping[str, HubModel] = {row.name: row for row in _ROWS}


def base_name(name: str) -> str:
    """Name of the row of a model: precisions other than fp32 are a suffix of the name."""
    for precision in ("fp16", "bf16", "int8"):
        name = name.removesuffix(f"-{precision}")
    return name


def with_current_texts(spec: ModelSpec) -> ModelSpec:
    """Copy of `spec` with the row's current description, licence, notice and templates, on which no vector depends."""
    row = HUB.get(base_name(spec.name))
    if row is None:
        return spec
    head = spec.zero_shot and replace(spec.zero_shot, templates=row.templates)
    return replace(spec, description=row.description, licence=row.licence, notice=row.notice, zero_shot=head)
