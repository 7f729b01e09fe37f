"""Small detectors by words with seeded weights, in folders as `save_pretrained` writes them."""

from pathlib import Path

import torch

from tests.models.architectures import clip_vocabulary

SIDE, TOKENS = 128, 16


def owl(folder: Path, kind: str = "owlv2", *, side: int = SIDE) -> Path:
    """OWLv2 or OWL-ViT with patches of 16 pixels, and CLIP's tokenizer with few merges, which is opened sooner.

    Weights are larger than fresh ones, so that places and labels differ in their scores.
    """
    import transformers as t

    v2 = kind == "owlv2"
    config = (t.Owlv2Config if v2 else t.OwlViTConfig)(
        text_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": TOKENS,
        },
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": side,
            "patch_size": 16,
        },
        projection_dim=32,
    )
    torch.manual_seed(0)
    model = (t.Owlv2ForObjectDetection if v2 else t.OwlViTForObjectDetection)(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1:
                torch.nn.init.normal_(weights, std=0.5 * weights[0].numel() ** -0.5)
            elif "bias" in name:
                torch.nn.init.normal_(weights, std=0.1)
        model.box_head.dense2.bias[2:] += 1.0  # larger than a place, so that boxes overlap
        model.class_head.logit_scale.bias.fill_(3.0)
        model.class_head.logit_shift.bias.fill_(-0.5)
    model.eval().save_pretrained(folder)
    vocabulary, merges = beginning_of_vocabulary(2000)
    tokenizer = t.CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=TOKENS, pad_token="!")
    size = {"height": side, "width": side}
    if v2:
        processor = t.Owlv2Processor(t.Owlv2ImageProcessorPil(size=size), tokenizer)
    else:
        processor = t.OwlViTProcessor(t.OwlViTImageProcessorPil(size=size), tokenizer)
    processor.save_pretrained(folder)
    return folder


def beginning_of_vocabulary(number: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's vocabulary with its first merges alone."""
    every, merges = clip_vocabulary()
    words = [*list(every)[:512], *("".join(pair) for pair in merges[:number]), *list(every)[-2:]]
    return {word: i for i, word in enumerate(words)}, merges[:number]
