"""Small vision-language models with seeded random weights, as `save_pretrained` of transformers writes them.

Fresh weights write the same token whatever the picture is, so that equal tokens would prove nothing: these are drawn
larger, and unlike pictures get unlike captions.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn

from tests.models.texts import TEXTS

SIDE = 32  # pixels of a tile
TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
}
PIXELS: dict[str, Any] = {
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "rescale_factor": 1 / 255,
}
WORDS = (  # of codebooks, so that answers have few tokens
    "protest yes no cannot tell people police street banner police none one two three calm angry happy violent other "
    "{'category': 'yes'} [\"a\", \"b\"] 0 1 2 3 4 5 6 7 8 9 the number of the answer is Answer with the category"
)
CHAT_OF_SMOLVLM = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == "
    "'image' %}{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' "
    "%}{{line['text']}}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
CHAT_OF_QWEN = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a "
    "helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n{% if message['content'] is string "
    "%}{{ message['content'] }}<|im_end|>\n{% else %}{% for content in message['content'] %}{% if content['type'] == "
    "'image' %}<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHAT_OF_GEMMA = (
    "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}{%- set first = messages[0]['content'][0]['text'] + "
    "'\n\n' -%}{%- set rest = messages[1:] -%}{%- else -%}{%- set first = '' -%}{%- set rest = messages -%}{%- endif "
    "-%}{%- for message in rest -%}{%- if message['role'] == 'assistant' -%}{%- set role = 'model' -%}{%- else -%}{%- "
    "set role = message['role'] -%}{%- endif -%}{{ '<start_of_turn>' + role + '\n' + (first if loop.first else '') }}"
    "{%- for item in message['content'] -%}{%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}{%- else -%}"
    "{{ item['text'] | trim }}{%- endif -%}{%- endfor -%}{{ '<end_of_turn>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"
)


def make(folder: Path, architecture: str = "smolvlm") -> Path:
    """Write a small model with its processor, tokenizer and chat template into `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    ARCHITECTURES[architecture](folder)
    return folder


def smolvlm(
    folder: Path,
    *,
    name: str = "SmolVLM",
    side: int = SIDE,
    patch: int = 8,
    tiles_of: int = 2,
    layers: int = 2,
    width: int = 32,
    vocabulary: int = 600,
) -> None:
    """SmolVLM, or Idefics3, of which it is a variant: pictures are cut into tiles.

    Parameters
    ----------
    side, patch : of a tile, in pixels.
    tiles_of : tiles along the longer side of a picture; 1: a picture is one tile.
    layers, width, vocabulary : of vision tower and language model; the vocabulary is filled up.
    """
    import transformers

    special = ["<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>"]
    tiles = [f"<row_{i}_col_{j}>" for i in range(1, 7) for j in range(1, 7)]
    tokenizer = _tokenizer(folder, [*special, *tiles], CHAT_OF_SMOLVLM, bos="<|im_start|>", end="<end_of_utterance>")
    image = tokenizer.convert_tokens_to_ids("<image>")
    heads = max(4, width // 64)
    shape_of_both = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": layers}
    vision = {**shape_of_both, "num_attention_heads": heads, "image_size": side, "patch_size": patch}
    text = {"model_type": "llama", **TEXT, **shape_of_both, **_special(tokenizer)}
    text |= {"num_attention_heads": heads, "vocab_size": max(len(tokenizer), vocabulary)}
    shape = {
        "scale_factor": 2,
        "image_token_id": image,
        "tie_word_embeddings": False,
        "pad_token_id": text["pad_token_id"],
    }
    config = getattr(transformers, f"{name}Config")(vision_config=vision, text_config=text, **shape)
    _save(getattr(transformers, f"{name}ForConditionalGeneration")(config), folder, tokenizer)
    pixels = {
        **PIXELS,
        "image_processor_type": f"{name}ImageProcessor",
        "do_image_splitting": tiles_of > 1,
        "do_pad": True,
        "size": {"longest_edge": tiles_of * side},
        "max_image_size": {"longest_edge": side},
        "resample": 1,
    }
    _write(folder, "preprocessor_config.json", pixels)
    _write(
        folder,
        "processor_config.json",
        {"processor_class": f"{name}Processor", "image_seq_len": (side // patch) ** 2 // 4},
    )


def qwen(folder: Path, *, name: str) -> None:
    """Qwen2-VL, Qwen2.5-VL or Qwen3-VL: pictures keep their shape, and positions have three axes."""
    import transformers

    special = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    tokenizer = _tokenizer(folder, special, CHAT_OF_QWEN, bos=None, end="<|im_end|>")
    ids = {each: tokenizer.convert_tokens_to_ids(each) for each in special}
    vision: dict[str, Any] = {"depth": 2, "patch_size": 8, "spatial_merge_size": 2, "temporal_patch_size": 2}
    text = {**TEXT, "vocab_size": len(tokenizer), **_special(tokenizer)}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [1, 1, 2]}
    if name == "Qwen2VL":
        vision |= {"embed_dim": 32, "hidden_size": 32, "num_heads": 4, "mlp_ratio": 2, "in_channels": 3}
    elif name == "Qwen2_5_VL":
        vision |= {"hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "in_channels": 3}
        vision |= {"window_size": 32, "fullatt_block_indexes": [1]}
    else:
        vision |= {"hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 64, "num_heads": 4}
        vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
        text["head_dim"] = 8
        text["rope_parameters"]["mrope_interleaved"] = True
    config = getattr(transformers, f"{name}Config")(
        vision_config=vision,
        text_config=text,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
    )
    _save(getattr(transformers, f"{name}ForConditionalGeneration")(config), folder, tokenizer)
    pixels = {
        **PIXELS,
        "image_processor_type": "Qwen2VLImageProcessor",
        "min_pixels": 16 * 16 * 4,
        "max_pixels": 16 * 16 * 16,
        "size": {"shortest_edge": 16 * 16 * 4, "longest_edge": 16 * 16 * 16},
        "patch_size": 8,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "resample": 3,
    }
    processor = "Qwen3VLProcessor" if name == "Qwen3VL" else f"{name}Processor"
    _write(folder, "preprocessor_config.json", {**pixels, "processor_class": processor})


def gemma3(folder: Path) -> None:
    """Gemma 3: every picture has the same number of tokens, which see one another in both directions."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    special = ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>"]
    special.append("<image_soft_token>")
    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    tokenizer = _tokenizer(folder, special, CHAT_OF_GEMMA, bos="<bos>", end="<eos>", **named)
    ids = {each: tokenizer.convert_tokens_to_ids(each) for each in special}
    text = {**TEXT, "vocab_size": len(tokenizer), **_special(tokenizer), "head_dim": 8, "sliding_window": 64}
    text |= {"num_hidden_layers": 3, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
    config = Gemma3Config(
        text_config={**text, "query_pre_attn_scalar": 8},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": SIDE,
            "patch_size": 8,
            "vision_use_head": False,
        },
        mm_tokens_per_image=4,
        boi_token_index=ids["<start_of_image>"],
        eoi_token_index=ids["<end_of_image>"],
        image_token_index=ids["<image_soft_token>"],
        tie_word_embeddings=False,
    )
    ends = [ids["<eos>"], ids["<end_of_turn>"]]
    _save(Gemma3ForConditionalGeneration(config), folder, tokenizer, ends=ends)
    size = {"height": SIDE, "width": SIDE}
    pixels = {
        **PIXELS,
        "image_processor_type": "Gemma3ImageProcessor",
        "size": size,
        "resample": 2,
        "image_seq_length": 4,
    }
    _write(folder, "preprocessor_config.json", {**pixels, "processor_class": "Gemma3Processor"})
    _write(folder, "processor_config.json", {"processor_class": "Gemma3Processor", "image_seq_length": 4})


def florence2(folder: Path) -> None:
    """Florence-2: an encoder and a decoder of text, which write captions for tasks and hold no conversations."""
    from transformers import Florence2Config, Florence2ForConditionalGeneration

    special = ["<s>", "</s>", "<image>"]
    tokenizer = _tokenizer(folder, special, None, bos="<s>", end="</s>", image_token="<image>")
    text = {
        "model_type": "bart",
        "vocab_size": len(tokenizer),
        "d_model": 32,
        **{f"{part}_{name}": value for part in ("encoder", "decoder") for name, value in _BART.items()},
        "max_position_embeddings": 256,
        **_special(tokenizer),
        "decoder_start_token_id": tokenizer.eos_token_id,
        "forced_bos_token_id": tokenizer.bos_token_id,
        "forced_eos_token_id": tokenizer.eos_token_id,
    }
    vision = {
        "embed_dim": [8, 16, 16, 32],
        "depths": [1, 1, 1, 1],
        "num_heads": [2, 2, 2, 4],
        "num_groups": [2, 2, 2, 4],
    }
    config = Florence2Config(
        text_config=text,
        vision_config={**vision, "window_size": 4, "projection_dim": 32},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    model = Florence2ForConditionalGeneration(config)
    model.generation_config.decoder_start_token_id = tokenizer.eos_token_id
    model.generation_config.forced_bos_token_id = tokenizer.bos_token_id
    model.generation_config.num_beams = 3
    _save(model, folder, tokenizer)
    side = 2 * SIDE
    size = {"height": side, "width": side}
    pixels = {**PIXELS, "image_processor_type": "CLIPImageProcessor", "size": size, "crop_size": size, "resample": 3}
    tokens = (side // 32) ** 2 + 1
    _write(folder, "preprocessor_config.json", {**pixels, "do_center_crop": False, "image_seq_length": tokens})
    _write(folder, "processor_config.json", {"processor_class": "Florence2Processor"})


_BART = {"layers": 2, "attention_heads": 4, "ffn_dim": 64}
ARCHITECTURES: dict[str, Callable[[Path], None]] = {
    "smolvlm": smolvlm,
    "idefics3": lambda folder: smolvlm(folder, name="Idefics3"),
    "qwen2_vl": lambda folder: qwen(folder, name="Qwen2VL"),
    "qwen2_5_vl": lambda folder: qwen(folder, name="Qwen2_5_VL"),
    "qwen3_vl": lambda folder: qwen(folder, name="Qwen3VL"),
    "gemma3": gemma3,
    "florence2": florence2,
}


def spread(model: nn.Module) -> None:
    """Draw weights that keep pictures and texts apart, and norms that are not at their start."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed" in name and parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.5)
            elif parameter.ndim > 1:
                nn.init.kaiming_normal_(parameter, nonlinearity="linear")
            else:
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.eval()


def _tokenizer(
    folder: Path, special: Sequence[str], chat: str | None, *, bos: str | None, end: str, **named: str
) -> Any:
    """A byte-level tokenizer that was trained on the texts of the tests, with the special tokens first."""
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        max_token_length=16,
        special_tokens=["<pad>", *special],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator([*TEXTS, WORDS, WORDS], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=bos,
        eos_token=end,
        pad_token="<pad>",
        additional_special_tokens=[each for each in special if each not in (bos, end, *named.values())],
        extra_special_tokens=named,
    )
    tokenizer.chat_template = chat
    return tokenizer


def _special(tokenizer: Any) -> dict[str, Any]:
    return {
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
    }


def _save(model: Any, folder: Path, tokenizer: Any, *, ends: Sequence[int] = ()) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    spread(model)
    model.generation_config.eos_token_id = list(ends) or tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.bos_token_id = tokenizer.bos_token_id
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def _write(folder: Path, name: str, content: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
