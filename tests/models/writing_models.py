"""Small BLIP and TrOCR networks with seeded random weights, as `save_pretrained` of transformers writes them.

Fresh weights write the same token for every picture, so that equal tokens would prove nothing: these are drawn after
He et al. (2015), and the end of a text is made likely enough for some texts to end and others not.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from tokenizers import ByteLevelBPETokenizer
from torch import nn

from tests.models.architectures import HALF, MEAN, PIXELS, STD, minilm
from tests.models.texts import TEXTS

SIDE = 64
LAYERS: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 4}


def blip(folder: Path, *, ending: float = 4.0) -> Path:
    """BLIP with the tokenizer of BERT, as Salesforce's. `ending`: logit that is added to the end of a caption."""
    from transformers import AutoTokenizer, BlipConfig, BlipForConditionalGeneration

    config = BlipConfig(
        text_config={
            **LAYERS,
            "vocab_size": 30_524,
            "hidden_size": 32,
            "encoder_hidden_size": 48,
            "intermediate_size": 64,
            "max_position_embeddings": 96,
            "projection_dim": 16,
        },
        vision_config={
            **LAYERS,
            "hidden_size": 48,
            "intermediate_size": 96,
            "image_size": SIDE,
            "patch_size": 16,
        },
        projection_dim=16,
    )
    torch.manual_seed(0)
    model = BlipForConditionalGeneration(config)
    he(model)
    with torch.no_grad():
        model.text_decoder.cls.predictions.decoder.bias[config.text_config.sep_token_id] += ending
    _save(model, folder)
    AutoTokenizer.from_pretrained(str(minilm()), local_files_only=True).save_pretrained(folder)
    return _processor(folder, {"image_processor_type": "BlipImageProcessor", "image_mean": MEAN, "image_std": STD}, 3)


def trocr(
    folder: Path,
    *,
    encoder: str = "vit",
    width: int = 48,
    learned: bool = True,
    scaled: bool = False,
    ending: float = 0.5,
    **generation: Any,
) -> Path:
    """TrOCR with a byte-level tokenizer; `width` of the encoder, `learned` positions, `scaled` embeddings."""
    from transformers import (
        DeiTConfig,
        RobertaTokenizer,
        TrOCRConfig,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTConfig,
    )

    shape = {**LAYERS, "hidden_size": width, "intermediate_size": 96, "image_size": SIDE, "patch_size": 16}
    made = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator(list(TEXTS), vocab_size=400, special_tokens=special, show_progress=False)
    content = json.loads(made.to_str())["model"]
    tokenizer = RobertaTokenizer(vocab=content["vocab"], merges=[tuple(each) for each in content["merges"]])
    decoder = TrOCRConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=64,
        max_position_embeddings=128,
        cross_attention_hidden_size=width,
        use_learned_position_embeddings=learned,
        scale_embedding=scaled,
        activation_function="gelu" if learned else "relu",
        layernorm_embedding=learned,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        (DeiTConfig if encoder == "deit" else ViTConfig)(**shape), decoder
    )
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = 2, 2, 1
    torch.manual_seed(1)
    model = VisionEncoderDecoderModel(config)
    he(model)
    with torch.no_grad():  # logits have no bias: the end is nearer to all states
        states = model.decoder.output_projection.weight
        states[2] += ending * states[2] / states[2].norm()
    for name, value in {"decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1, **generation}.items():
        setattr(model.generation_config, name, value)
    _save(model, folder)
    tokenizer.save_pretrained(folder)
    return _processor(folder, {"image_processor_type": "ViTImageProcessor", **HALF}, 2)


def he(model: nn.Module) -> None:
    """Draw weights that keep pictures and texts apart, and norms that are not at their start."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_tokens" in name or "word_embeddings" in name:
                nn.init.normal_(parameter, std=0.3)  # they are the head's too: larger ones repeat the last token
            elif "embed" in name and parameter.ndim > 1:
                nn.init.normal_(parameter)
            elif parameter.ndim > 1:
                nn.init.kaiming_normal_(parameter, nonlinearity="linear")
            else:
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.eval()


def unlike_pictures() -> list[Image.Image]:
    """Photos, noise, and one colour."""
    rng = np.random.default_rng(0)
    noise: NDArray[np.uint8] = rng.integers(0, 256, (90, 120, 3), np.uint8)
    names = ("astronaut", "chelsea", "coffee", "rocket")
    photos = [Image.fromarray(getattr(data, name)()[..., :3]) for name in names]
    return [*photos, Image.fromarray(noise), Image.new("RGB", (50, 40), (9, 200, 9)), Image.new("RGB", (1, 1))]


def _save(model: Any, folder: Path) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)


def _processor(folder: Path, fields: dict[str, Any], resample: int) -> Path:
    content = {**PIXELS, "size": {"height": SIDE, "width": SIDE}, "resample": resample, **fields}
    (folder / "preprocessor_config.json").write_text(json.dumps(content))
    return folder
