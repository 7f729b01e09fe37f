"""A folder that `transformers` saved, as a row of the catalogue; everything is read from its files.

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
INT8_RECIPE = 2  # 1 rounded each row to 255 steps from its least value, and had the first layer in fp32
_VOLATILE = ("transformers_version", "_name_or_path", "dtype", "torch_dtype", "_commit_hash")
_POOLINGS = {  # keys of 1_Pooling/config.json of sentence-transformers
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}


@dataclass(frozen=True)
class SourceFolder:
    """Content of a folder, without its weights."""

    folder: Path
    model_type: str
    config: Any  # of transformers
    tokenizer: Any | None  # of transformers
    tokens: str  # equivalent tokenizer.json
    pad_id: int
    pooling: str  # of a sentence encoder, else ""
    dense: tuple[Path, ...]  # layers after the pooling of a sentence encoder


def read_source(folder: Path) -> SourceFolder:
    """Read the configuration and the tokenizer of a folder.

    Raises
    ------
    ModelUnavailable : no folder, no config.json, an unreadable file, or a model_type that is not supported.
    """
    if not folder.is_dir():
        raise ModelUnavailable(f"there is no folder {folder}; give one written by save_pretrained of transformers")
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(
            f"{folder.name} has no config.json; give a folder written by save_pretrained of transformers"
        )
    try:
        model_type = str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type"))
        if model_type == "siglip2":
            raise ModelUnavailable(
                f"{folder.name} is a SigLIP 2 of variable resolution (NaFlex), whose result depends on the number of "
                "patches; use its variant of fixed resolution, such as siglip2-base-patch16-224"
            )
        if model_type not in SUPPORTED:
            raise ModelUnavailable(f"{folder.name} has model_type {model_type!r}; supported: {', '.join(SUPPORTED)}")
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        texts = model_type in ("clip", "siglip", *SENTENCE)
        load: Any = AutoTokenizer.from_pretrained
        tokenizer = load(str(folder), local_files_only=True, trust_remote_code=False) if texts else None
        tokens = tokens_of(tokenizer, folder) if texts else ""
    except (OSError, ValueError, KeyError, TypeError, ImportError) as exc:
        raise ModelUnavailable(f"{folder.name} cannot be read by transformers: {_first_line(exc)}") from exc
    pooling, dense = _sentence(folder) if model_type in SENTENCE else ("", ())
    pad_id = 0 if tokenizer is None or tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
    return SourceFolder(folder, model_type, config, tokenizer, tokens, pad_id, pooling, dense)


def spec_of(
    source: SourceFolder,
    *,
    name: str,
    row: HubModel | None,
    fetched: bool,
    licence: str | None,
    precision: Precision,
    scale: float | None,
    bias: float,
) -> ModelSpec:
    """Build the row of the catalogue.

    Parameters
    ----------
    scale, bias : of the logits; `scale` is None where images and texts share no space.

    Raises
    ------
    ModelUnavailable : preprocessing that cannot be reproduced exactly, or properties that differ from the hub's row.
    """
    spec = ModelSpec(
        name=name,
        description=row.description if row else f"{source.model_type} from the folder {source.folder.name}.",
        source=Source(
            kind="hub" if row and fetched else "folder",
            locator=row.repository if row else source.folder.name,
            revision=row.revision if row and fetched else "as its files' sha256 say",
            weights=weights_of(source.folder),
        ),
        licence=licence or (row.licence if row else "not stated; see where the folder came from"),
        dimension=_dimension(source),
        image=_image(source),
        text=_text(source, row),
        zero_shot=_zero_shot(source, row, scale, bias),
        precision=precision,
        recipe=INT8_RECIPE if precision == "int8" else 1,
        notice=row.notice if row else None,
    )
    if row:
        _check(spec, row)
    return spec


def weights_of(folder: Path) -> Mapping[str, str]:
    """SHA-256 of the files that determine the vectors: weights, configuration, tokenizer."""
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


def tokens_of(tokenizer: Any, folder: Path) -> str:
    """Content of tokenizer.json without padding and truncation, which the service does itself."""
    if getattr(tokenizer, "backend_tokenizer", None) is not None:
        content = json.loads(tokenizer.backend_tokenizer.to_str())
        content["padding"] = content["truncation"] = None
        return json.dumps(content, ensure_ascii=False)
    if type(tokenizer).__name__ == FIRST_SIGLIP:
        return siglip_tokens(folder / "spiece.model")
    raise ModelUnavailable(
        f"{folder.name} has no tokenizer.json, and {type(tokenizer).__name__} has no equivalent in tokenizers; "
        "use a model that has a tokenizer.json"
    )


def _sentence(folder: Path) -> tuple[str, tuple[Path, ...]]:
    """Pooling and dense layers of a sentence encoder; the mean where its files name no pooling."""
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
            raise ModelUnavailable(f"{folder.name} has a module {kind}, which is not supported; use another model")
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
        raise ModelUnavailable(f"{folder} has pooling {modes + others}; supported is one of {list(_POOLINGS.values())}")
    return modes[0]


def _dimension(source: SourceFolder) -> int:
    config = source.config
    if source.model_type == "clip":
        return int(config.projection_dim)
    if source.model_type == "siglip":
        return int(config.vision_config.hidden_size)
    if source.dense:
        return int(json.loads((source.dense[-1] / "config.json").read_text())["out_features"])
    return int(config.hidden_size)


def _image(source: SourceFolder) -> ImageTower | None:
    if source.model_type in SENTENCE:
        return None
    pixels = read_preprocessor(source.folder)
    config = getattr(source.config, "vision_config", source.config)
    side = config.image_size
    if source.model_type != "dinov2" and pixels.preprocess.size != side:  # DINOv2 interpolates its positions
        raise ModelUnavailable(
            f"{source.folder.name} prepares images of {pixels.preprocess.size} pixels for a network of {side}; "
            "correct its preprocessor_config.json"
        )
    pooling = {"clip": "projection", "siglip": "attention"}.get(source.model_type, "cls")
    return ImageTower(preprocess=pixels.preprocess, mean=pixels.mean, std=pixels.std, pooling=pooling)


def _text(source: SourceFolder, row: HubModel | None) -> TextTower | None:
    if source.tokenizer is None:
        return None
    prefix = row.prefix if row else ""
    if source.model_type == "clip":
        longest = int(source.config.text_config.max_position_embeddings)
        return TextTower(max_tokens=longest, pooling="eot", buckets=_buckets(longest), prefix=prefix)
    if source.model_type == "siglip":  # it attends to its padding, so there is one length
        longest = int(source.config.text_config.max_position_embeddings)
        return TextTower(
            max_tokens=longest,
            pooling="last",
            buckets=(longest,),
            prefix=prefix,
            padding_side=source.tokenizer.padding_side,
            canonical="siglip" if type(source.tokenizer).__name__ == FIRST_SIGLIP else "none",
        )
    longest = int(source.config.max_position_embeddings)
    if source.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        longest -= 2  # the first positions are those of the padding
    limits = [longest]
    path = source.folder / "sentence_bert_config.json"
    if path.is_file() and (length := json.loads(path.read_text()).get("max_seq_length")):
        limits.append(int(length))
    elif source.tokenizer.model_max_length < 1_000_000:  # a very large number means that there is no limit
        limits.append(int(source.tokenizer.model_max_length))
    longest = min(limits)
    return TextTower(max_tokens=longest, pooling=source.pooling, buckets=_buckets(longest), prefix=prefix)


def _buckets(longest: int) -> tuple[int, ...]:
    return (*(b for b in (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384) if b < longest), longest)


def _zero_shot(source: SourceFolder, row: HubModel | None, scale: float | None, bias: float) -> ZeroShotHead | None:
    if scale is None:
        return None
    sigmoid = source.model_type == "siglip"
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
    for name, value, expected in (
        ("dimension", spec.dimension, row.dimension),
        ("image size", image, row.image),
        ("token limit", tokens, row.max_tokens),
    ):
        if value != expected:
            raise ModelUnavailable(
                f"{row.name}: its files have {name} {value}, the catalogue expects {expected}; give the right folder"
            )


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
