"""Networks of `transformers` as the two graphs that are exported, for images and for texts."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging

from models.errors import ModelUnavailable
from models.sources.describe import SENTENCE, SourceFolder
from models.sources.export import mean_of_tokens

Attention = Literal["eager", "sdpa"]  # kernels of transformers: step by step, or fused


@dataclass(frozen=True)
class Networks:
    """A model of transformers and its two graphs.

    `image` maps normalised pixels (n, 3, size, size) to raw rows (n, d); `text` maps input_ids and attention_mask
    (n, t) int64 to unit rows (n, d).
    """

    model: nn.Module
    image: nn.Module | None
    text: nn.Module | None
    scale: float | None  # of the logits
    bias: float


class _Image(nn.Module):
    def __init__(self, model: nn.Module, pooled: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.model = model
        self._pooled = pooled

    def forward(self, x: Tensor) -> Tensor:
        return self._pooled(self.model, x)


class _ContrastiveText(nn.Module):
    """The text tower of CLIP or SigLIP, padded as in training and without a mask.

    CLIP's attention is causal, so that padding has no effect, and SigLIP attends to its padding.
    """

    def __init__(self, tower: nn.Module, projection: nn.Module, pad_id: int) -> None:
        super().__init__()
        self.tower = tower
        self.projection = projection
        self._pad_id = pad_id

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        ids = torch.where(attention_mask > 0, input_ids, self._pad_id)
        return nn.functional.normalize(self.projection(self.tower(input_ids=ids).pooler_output), dim=-1)


class PooledText(nn.Module):
    """A sentence encoder: last hidden states (n, t, d), pooled over all tokens but padding, and dense layers."""

    def __init__(self, network: nn.Module, pooling: str, pad_id: int, dense: nn.Module | None = None) -> None:
        super().__init__()
        self.network = network
        self.dense = dense or nn.Identity()
        self._pooling = pooling
        self._pad_id = pad_id

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        ids = torch.where(attention_mask > 0, input_ids, self._pad_id)
        hidden = self.network(input_ids=ids, attention_mask=attention_mask).last_hidden_state  # (n, t, d)
        return nn.functional.normalize(self.dense(self._pool(hidden, attention_mask)), dim=-1)

    def _pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        if self._pooling == "cls":
            return hidden[:, 0]
        if self._pooling == "mean":
            return mean_of_tokens(hidden, mask)
        if self._pooling == "max":
            return hidden.masked_fill(mask.unsqueeze(-1) == 0, torch.finfo(hidden.dtype).min).amax(1)
        last = mask.sum(1, keepdim=True).unsqueeze(-1) - 1  # padding is on the right
        return hidden.gather(1, last.expand(-1, 1, hidden.shape[-1])).squeeze(1)


def load(source: SourceFolder, *, attention: Attention = "eager") -> Networks:
    """Load the networks with their weights in fp32 on the CPU. Raises ModelUnavailable."""
    model = _model(source, attention)
    model.requires_grad_(False)
    if source.model_type == "clip":
        return Networks(
            model,
            _Image(model, lambda m, x: m.visual_projection(m.vision_model(pixel_values=x).pooler_output)),
            _ContrastiveText(model.text_model, model.text_projection, source.pad_id),
            float(model.logit_scale.exp()),
            0.0,
        )
    if source.model_type == "siglip":
        return Networks(
            model,
            _Image(model, lambda m, x: m.vision_model(pixel_values=x).pooler_output),
            _ContrastiveText(model.text_model, nn.Identity(), source.pad_id),
            float(model.logit_scale.exp()),
            float(model.logit_bias),
        )
    if source.model_type in SENTENCE:
        dense = nn.Sequential(*(_dense(path) for path in source.dense)) if source.dense else None
        return Networks(model, None, PooledText(model, source.pooling, source.pad_id, dense), None, 0.0)
    return Networks(model, _Image(model, lambda m, x: m(pixel_values=x).last_hidden_state[:, 0]), None, None, 0.0)


def fix_positions(networks: Networks, side: int) -> None:
    """Interpolate the position embeddings for images of `side` pixels once, instead of in each run."""
    every: Any = networks.model.modules()
    for module in every:
        interpolate = getattr(module, "interpolate_pos_encoding", None)
        if networks.image is None or interpolate is None or not hasattr(module, "position_embeddings"):
            continue
        if isinstance(module.position_embeddings, nn.Parameter):
            dummy = torch.zeros(1, (side // module.patch_size) ** 2 + 1, module.position_embeddings.shape[-1])
            fixed = interpolate(dummy, side, side)
            module.interpolate_pos_encoding = lambda embeddings, height, width, fixed=fixed: fixed


def _model(source: SourceFolder, attention: Attention) -> Any:
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    extra = {"add_pooling_layer": False} if source.model_type in ("vit", *SENTENCE) else {}
    if source.model_type in ("distilbert", "electra"):
        extra = {}
    try:
        model, info = AutoModel.from_pretrained(
            str(source.folder),
            local_files_only=True,
            trust_remote_code=False,
            attn_implementation=attention,
            dtype=torch.float32,
            output_loading_info=True,
            **extra,
        )
    except Exception as exc:  # transformers raises nearly anything on damaged files
        raise ModelUnavailable(
            f"{source.folder.name}: its weights cannot be loaded ({exc}); save the model again"
        ) from exc
    finally:
        logging.set_verbosity(verbosity)
    if missing := sorted(info["missing_keys"]):  # transformers would fill them with random numbers
        raise ModelUnavailable(
            f"{source.folder.name}: its weights lack {missing[0]} and {len(missing) - 1} others; save the model again"
        )
    return model.eval()


def _dense(path: Path) -> nn.Module:
    """Load a Dense module of sentence-transformers."""
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    layer = nn.Linear(config["in_features"], config["out_features"], bias=config.get("bias", True))
    safe = path / "model.safetensors"
    if safe.is_file():
        from safetensors.torch import load_file

        state = load_file(str(safe))
    else:
        state = torch.load(path / "pytorch_model.bin", weights_only=True)
    layer.load_state_dict({key.removeprefix("linear."): value for key, value in state.items()})
    name = str(config.get("activation_function", "torch.nn.modules.linear.Identity")).rpartition(".")[2]
    activations: dict[str, type[nn.Module]] = {
        "Tanh": nn.Tanh,
        "Identity": nn.Identity,
        "ReLU": nn.ReLU,
        "GELU": nn.GELU,
    }
    if name not in activations:
        raise ModelUnavailable(
            f"{path.parent.name}: a dense layer has the activation {name}; supported: {', '.join(activations)}"
        )
    return nn.Sequential(layer, activations[name]()).requires_grad_(False)
