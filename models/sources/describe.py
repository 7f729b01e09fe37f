"""A folder that `transformers` saved, as a row of the catalogue: read from its files, nothing is guessed.

Supported `model_type`s: clip; siglip (SigLIP 2's models of one resolution are of this type); dinov2; vit; sentence
encoders of BERT's kind, whose pooling is read from the files that sentence-transformers writes beside them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoTokenizer

from models.catalog.hub import CLIP_TEMPLATES, DEFAULT_NEGATIVES, SIGLIP_TEMPLATES, HubModel
from models.catalog.spec import ImageTower, ModelSpec, Precision, Source, TextTower, ZeroShotHead
from models.disk import sha256
from models.encoders.preprocessor import read_preprocessor
from models.errors import ModelUnavailable
from models.sources.siglip_tokens import siglip_tokens

FIRST_SIGLIP = "SiglipTokenizer"
SENTENCE = ("bert", "roberta", "xlm-roberta", "mpnet", "distilbert", "camembert", "electra")
SUPPORTED = ("clip", "siglip", "dinov2", "vit", *SENTENCE)
TOKEN_FILES = ("tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "spiece.model", "sentencepiece.bpe.model")
_VOLATILE = ("transformers_version", "_name_or_path", "dtype", "torch_dtype", "_commit_hash")
_POOLINGS = {  # of sentence-transformers' 1_Pooling/config.json
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}


@dataclass(frozen=True)
class SourceFolder:
    """What a folder holds, besides its weights."""

    folder: Path
    model_type: str
    config: Any  # transformers' own
    tokenizer: Any | None  # transformers' own
    tokens: str  # tokenizer.json that does the same
    pad_id: int
    pooling: str  # of a sentence encoder
    dense: tuple[Path, ...]  # of a sentence encoder: layers after the pooling


def read_source(folder: Path) -> SourceFolder:
    """Read configuration and tokenizer.

    Raises
    ------
    ModelUnavailable : no config.json, or of a type that is not supported; says which are.
    """
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(
            f"{folder.name} has no config.json; give a folder as save_pretrained of transformers writes it"
        )
    try:
        model_type = str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type"))
        if model_type == "siglip2":
            raise ModelUnavailable(
                f"{folder.name} is a SigLIP 2 of variable resolution (NaFlex), whose result depends on the number of "
                "patches; take its sibling of one resolution, such as siglip2-base-patch16-224"
            )
        if model_type not in SUPPORTED:
            raise ModelUnavailable(
                f"{folder.name} is of model_type {model_type!r}; supported are {', '.join(SUPPORTED)}"
            )
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        texts = model_type in ("clip", "siglip", *SENTENCE)
        tokenizer = _tokenizer(folder) if texts else None
        tokens = _tokens(tokenizer, folder) if texts else ""
    except (OSError, ValueError, KeyError, TypeError, ImportError) as exc:
        raise ModelUnavailable(f"{folder.name} cannot be read by transformers: {_first_line(exc)}") from exc
    pooling, dense = _sentence(folder) if model_type in SENTENCE else ("", ())
    pad_id = 0 if tokenizer is None or tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
    return SourceFolder(folder, model_type, config, tokenizer, tokens, pad_id, pooling, dense)


def spec_of(
    found: SourceFolder,
    *,
    name: str,
    row: HubModel | None,
    fetched: bool,
    licence: str | None,
    precision: Precision,
    scale: float | None,
    bias: float,
) -> ModelSpec:
    """The row of the catalogue; `scale` and `bias` are the logits', where images and texts share a space.

    Raises
    ------
    ModelUnavailable : preprocessing that cannot be had exactly, or another model than the hub's row expects.
    """
    spec = ModelSpec(
        name=name,
        description=row.description if row else f"{found.model_type} from the folder {found.folder.name}.",
        source=Source(
            kind="hub" if row and fetched else "folder",
            locator=row.repository if row else found.folder.name,
            revision=row.revision if row and fetched else "as its files' sha256 say",
            weights=weights_of(found.folder),
        ),
        licence=licence or (row.licence if row else "not stated; see where the folder came from"),
        dimension=_dimension(found),
        image=_image(found),
        text=_text(found, row),
        zero_shot=_zero_shot(found, row, scale, bias),
        precision=precision,
        notice=row.notice if row else None,
    )
    if row:
        _check(spec, row)
    return spec


def weights_of(folder: Path) -> Mapping[str, str]:
    """SHA-256 of what the vectors depend on: weights, configuration, tokenizer."""
    safe = sorted(folder.glob("model*.safetensors"))
    weights = safe or sorted(folder.glob("pytorch_model*.bin"))
    if not weights:
        raise ModelUnavailable(f"{folder.name} has neither model.safetensors nor pytorch_model.bin")
    dense = sorted(path for path in folder.glob("[0-9]_*/*") if path.suffix in (".safetensors", ".bin"))
    names = [name for name in TOKEN_FILES if (folder / name).is_file()]
    if "tokenizer.json" in names:
        names = ["tokenizer.json"]
    hashes = {str(path.relative_to(folder)): sha256(path) for path in [*weights, *dense, *(folder / n for n in names)]}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kept = {key: value for key, value in config.items() if key not in _VOLATILE}
    hashes["config.json"] = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
    return hashes


def _tokenizer(folder: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    return tokenizer


def _tokens(tokenizer: Any, folder: Path) -> str:
    """tokenizer.json, without padding and truncation, which are ours."""
    if getattr(tokenizer, "backend_tokenizer", None) is not None:
        said = json.loads(tokenizer.backend_tokenizer.to_str())
        said["padding"] = said["truncation"] = None
        return json.dumps(said, ensure_ascii=False)
    if type(tokenizer).__name__ == FIRST_SIGLIP:
        return siglip_tokens(folder / "spiece.model")
    raise ModelUnavailable(
        f"{folder.name} has no tokenizer.json, and {type(tokenizer).__name__} has no equal in the tokenizers library; "
        "take a model with one"
    )


def _sentence(folder: Path) -> tuple[str, tuple[Path, ...]]:
    """Pooling and dense layers of a sentence encoder; the mean where nothing is said."""
    path = folder / "modules.json"
    if not path.is_file():
        return "mean", ()
    pooling, dense = "mean", []
    for module in json.loads(path.read_text(encoding="utf-8")):
        kind, where = str(module["type"]).rpartition(".")[2], folder / module["path"]
        if kind == "Pooling":
            pooling = _pooling(json.loads((where / "config.json").read_text(encoding="utf-8")), folder.name)
        elif kind == "Dense":
            dense.append(where)
        elif kind not in ("Transformer", "Normalize"):
            raise ModelUnavailable(f"{folder.name} has a module {kind}, which is not done here; take another model")
    return pooling, tuple(dense)


def _pooling(config: Mapping[str, Any], folder: str) -> str:
    modes = [name for key, name in _POOLINGS.items() if config.get(key)]
    if "pooling_mode" in config:  # newer files name it
        named = config["pooling_mode"]
        modes = [named] if isinstance(named, str) else list(named)
        modes = [{"lasttoken": "last"}.get(mode, mode) for mode in modes]
    others = [
        key for key, on in config.items() if key.startswith("pooling_mode_") and on is True and key not in _POOLINGS
    ]
    if len(modes) != 1 or others or modes[0] not in _POOLINGS.values():
        raise ModelUnavailable(
            f"{folder} is pooled by {modes + others}, one of {list(_POOLINGS.values())} is done here"
        )
    return modes[0]


def _dimension(found: SourceFolder) -> int:
    config = found.config
    if found.model_type == "clip":
        return int(config.projection_dim)
    if found.model_type == "siglip":
        return int(config.vision_config.hidden_size)
    if found.dense:
        return int(json.loads((found.dense[-1] / "config.json").read_text())["out_features"])
    return int(config.hidden_size)


def _image(found: SourceFolder) -> ImageTower | None:
    if found.model_type in SENTENCE:
        return None
    wanted = read_preprocessor(found.folder)
    config = getattr(found.config, "vision_config", found.config)
    side = config.image_size
    if found.model_type != "dinov2" and wanted.preprocess.size != side:  # DINOv2 interpolates its positions
        raise ModelUnavailable(
            f"{found.folder.name} prepares images of {wanted.preprocess.size} pixels for a network of {side}"
        )
    pooling = {"clip": "projection", "siglip": "attention"}.get(found.model_type, "cls")
    return ImageTower(preprocess=wanted.preprocess, mean=wanted.mean, std=wanted.std, pooling=pooling)


def _text(found: SourceFolder, row: HubModel | None) -> TextTower | None:
    if found.tokenizer is None:
        return None
    prefix = row.prefix if row else ""
    if found.model_type == "clip":
        longest = int(found.config.text_config.max_position_embeddings)
        return TextTower(max_tokens=longest, pooling="eot", buckets=_buckets(longest), prefix=prefix)
    if found.model_type == "siglip":  # it attends to its padding, so there is one length
        longest = int(found.config.text_config.max_position_embeddings)
        return TextTower(
            max_tokens=longest,
            pooling="last",
            buckets=(longest,),
            prefix=prefix,
            padding_side=found.tokenizer.padding_side,
            canonical="siglip" if type(found.tokenizer).__name__ == FIRST_SIGLIP else "none",
        )
    longest = int(found.config.max_position_embeddings)
    if found.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        longest -= 2  # positions begin after that of the padding
    limits = [longest]
    path = found.folder / "sentence_bert_config.json"
    if path.is_file() and (said := json.loads(path.read_text()).get("max_seq_length")):
        limits.append(int(said))
    elif found.tokenizer.model_max_length < 1_000_000:  # "none" is a very large number there
        limits.append(int(found.tokenizer.model_max_length))
    longest = min(limits)
    return TextTower(max_tokens=longest, pooling=found.pooling, buckets=_buckets(longest), prefix=prefix)


def _buckets(longest: int) -> tuple[int, ...]:
    return (*(b for b in (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384) if b < longest), longest)


def _zero_shot(found: SourceFolder, row: HubModel | None, scale: float | None, bias: float) -> ZeroShotHead | None:
    if scale is None:
        return None
    sigmoid = found.model_type == "siglip"
    return ZeroShotHead(
        activation="sigmoid" if sigmoid else "softmax",
        logit_scale=scale,
        logit_bias=bias if sigmoid else 0.0,
        templates=row.templates if row else SIGLIP_TEMPLATES if sigmoid else CLIP_TEMPLATES,
        negatives=DEFAULT_NEGATIVES,
    )


def _check(spec: ModelSpec, row: HubModel) -> None:
    image = (spec.image.preprocess.size, spec.image.preprocess.resize) if spec.image else None
    tokens = spec.text.max_tokens if spec.text else None
    for what, is_, wanted in (
        ("dimension", spec.dimension, row.dimension),
        ("image size", image, row.image),
        ("token limit", tokens, row.max_tokens),
    ):
        if is_ != wanted:
            raise ModelUnavailable(
                f"{row.name}: its files have {what} {is_}, the catalogue expects {wanted}; is it the right folder?"
            )


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
