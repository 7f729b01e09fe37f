"""BLIP and TrOCR of `transformers`, in the parts of which the graph of an analyser is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BlipForConditionalGeneration, GenerationConfig, VisionEncoderDecoderModel

from models.analysers import captions, text_line
from models.analysers.spec import Kind
from models.errors import ModelUnavailable, listed
from models.sources.generation_graph import Attention, Decoder, Layer
from models.sources.loading import load

ENCODERS = ("vit", "deit")  # of a VisionEncoderDecoderModel
PROMPT = "a photo of"
CAPTION_NOTICE = (
    "A caption is what the network finds likely, and not all of it is in the picture: it guesses at sex, occupation "
    "and place, and repeats the stereotypes of its training. Validate it against pictures that people described."
)
LINE_NOTICE = (
    "The picture, or its crop, is read as one line; without a line in it the text is made up. Validate it against "
    "lines that people transcribed."
)
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {  # settings of generation under which decoding is plain and greedy
    "num_beams": (1,),
    "do_sample": (False,),
    "repetition_penalty": (1.0,),
    "encoder_repetition_penalty": (1.0,),
    "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "bad_words_ids": (),
    "suppress_tokens": ([],),
    "begin_suppress_tokens": ([],),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
}


@dataclass(frozen=True)
class Network:
    """A network of transformers, and its parts."""

    model: Any
    kind: Kind
    encoder: nn.Module
    decoder: Decoder
    start: Sequence[int]
    length: int  # places of a plan
    prompts: Sequence[str]
    ignored: Sequence[str]
    described: str
    notice: str


class States(nn.Module):
    """Normalised pixels (n, 3, size, size) → states (n, s, d) of an encoder, projected where the decoder needs it."""

    def __init__(self, encoder: nn.Module, projection: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder, self.projection = encoder, projection or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        states: Tensor = self.projection(self.encoder(pixel_values=x).last_hidden_state)
        return states


def read_network(source: Path, config: Mapping[str, Any]) -> Network:
    """The network of a folder with this config.json. Raises ModelUnavailable for others than BLIP and TrOCR."""
    architectures = [str(each) for each in config.get("architectures") or ()]
    if "BlipForConditionalGeneration" in architectures:
        return _blip(source)
    if "VisionEncoderDecoderModel" in architectures:
        return _trocr(source, config)
    raise ModelUnavailable(
        f"{source.name} has the architecture {listed(architectures) or 'none'}; networks that write texts are "
        "BlipForConditionalGeneration and VisionEncoderDecoderModel"
    )


def generate(model: Any, values: Tensor, start: Sequence[int], most: int) -> list[list[int]]:
    """The tokens of each picture after `start`, by `generate` of transformers, greedily, up to the end.

    Parameters
    ----------
    values : normalised pixels, (n, 3, size, size).
    """
    plain: dict[str, Any] = {"max_new_tokens": most, "do_sample": False, "num_beams": 1}
    ids = torch.tensor([list(start)] * len(values))
    if isinstance(model, VisionEncoderDecoderModel):
        special, ends, holder = _special(model), _ends(model), model
        plain["decoder_input_ids"] = ids
    else:
        special, ends, holder = {}, [int(model.config.text_config.sep_token_id)], model.text_decoder
        plain["input_ids"] = torch.cat([ids, torch.full((len(ids), 1), ends[0])], dim=1)  # it drops the last token
    before = holder.generation_config
    holder.generation_config = GenerationConfig(**special)  # type: ignore[no-untyped-call]
    try:
        with torch.inference_mode():
            written = model.generate(pixel_values=values, **plain)
    finally:
        holder.generation_config = before
    rows = []
    for row in written[:, len(start) :].tolist():
        last = next((i for i, token in enumerate(row) if token in ends), len(row))
        rows.append(row[: last + 1])
    return rows


def _blip(source: Path) -> Network:
    model = load(BlipForConditionalGeneration, source)
    text, config = model.text_decoder, model.config.text_config

    def attention(block: Any) -> Attention:
        own = block.self
        return Attention(own.query, own.key, own.value, block.output.dense, block.output.LayerNorm)

    layers = [
        Layer(
            attention(each.attention),
            attention(each.crossattention),
            each.intermediate.dense,
            each.intermediate.intermediate_act_fn,
            each.output.dense,
            each.output.LayerNorm,
        )
        for each in text.bert.encoder.layer
    ]
    embeddings = text.bert.embeddings
    decoder = Decoder(
        embed=embeddings.word_embeddings,
        positions=embeddings.position_embeddings.weight.detach(),
        norm=embeddings.LayerNorm,
        layers=layers,
        heads=config.num_attention_heads,
        head=text.cls,
        ends=[int(config.sep_token_id)],
    )
    return Network(
        model=model,
        kind="captions",
        encoder=States(model.vision_model),
        decoder=decoder,
        start=[int(config.bos_token_id)],
        length=captions.LENGTH,
        prompts=("", PROMPT),
        ignored=ignored_settings(text.generation_config),
        described="BLIP's captions",
        notice=CAPTION_NOTICE,
    )


def _trocr(source: Path, config: Mapping[str, Any]) -> Network:
    types = [str((config.get(part) or {}).get("model_type")) for part in ("encoder", "decoder")]
    if types[0] not in ENCODERS or types[1] != "trocr":
        raise ModelUnavailable(
            f"{source.name} has the encoder {types[0]!r} and the decoder {types[1]!r}; a VisionEncoderDecoderModel can "
            f"be imported with the encoder {' or '.join(ENCODERS)} and the decoder trocr"
        )
    model = load(VisionEncoderDecoderModel, source)
    inner = model.decoder.model.decoder

    def attention(block: Any, norm: nn.Module) -> Attention:
        return Attention(block.q_proj, block.k_proj, block.v_proj, block.out_proj, norm)

    layers = [
        Layer(
            attention(each.self_attn, each.self_attn_layer_norm),
            attention(each.encoder_attn, each.encoder_attn_layer_norm),
            each.fc1,
            each.activation_fn,
            each.fc2,
            each.final_layer_norm,
        )
        for each in inner.layers
    ]
    places = inner.embed_positions
    learned = model.config.decoder.use_learned_position_embeddings
    if not learned:  # a table that is computed; loading leaves it without values
        size = model.config.decoder.max_position_embeddings + places.padding_idx + 1
        places.weights = places.get_embedding(size, places.embedding_dim, places.padding_idx)
    if hasattr(model.encoder, "set_attn_implementation"):
        model.encoder.set_attn_implementation("eager")
    decoder = Decoder(
        embed=inner.embed_tokens,
        positions=places.weight.detach()[places.offset :] if learned else places.weights[places.padding_idx + 1 :],
        norm=inner.layernorm_embedding,
        layers=layers,
        heads=model.config.decoder.decoder_attention_heads,
        head=model.decoder.output_projection,
        ends=_ends(model),
    )
    return Network(
        model=model,
        kind="text",
        encoder=States(model.encoder, getattr(model, "enc_to_dec_proj", None)),
        decoder=decoder,
        start=[_special(model)["decoder_start_token_id"]],
        length=text_line.LENGTH,
        prompts=("",),
        ignored=ignored_settings(model.generation_config),
        described="TrOCR, which reads one line of text,",
        notice=LINE_NOTICE,
    )


def _special(model: Any) -> dict[str, Any]:
    """The tokens with which generation starts, ends, and fills up."""
    given, decoder = model.generation_config, model.config.decoder

    def first(*values: Any) -> Any:
        return next((value for value in values if value is not None), None)

    end = first(given.eos_token_id, model.config.eos_token_id, decoder.eos_token_id)
    start = first(
        given.decoder_start_token_id,
        getattr(model.config, "decoder_start_token_id", None),
        decoder.decoder_start_token_id,
        decoder.bos_token_id,
    )
    pad = first(given.pad_token_id, model.config.pad_token_id, decoder.pad_token_id)
    if start is None or end is None or pad is None:
        raise ModelUnavailable(
            "the folder names no token that starts, ends or fills a text; write generation_config.json"
        )
    return {"eos_token_id": end, "decoder_start_token_id": int(start), "pad_token_id": int(pad)}


def _ends(model: Any) -> list[int]:
    end = _special(model)["eos_token_id"]
    return [int(each) for each in (end if isinstance(end, list) else [end])]


def ignored_settings(given: Any) -> list[str]:
    """Settings of generation that greedy decoding does not have, as `name=value`."""
    found = []
    for name, neutral in _NEUTRAL.items():
        value = getattr(given, name, None)
        if value is not None and value not in neutral:
            found.append(f"{name}={value!r}")
    return found
