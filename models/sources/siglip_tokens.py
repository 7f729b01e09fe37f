"""The tokenizer of the first SigLIP for the tokenizers library; transformers has it only over sentencepiece.

Its text normalisation (lower case, no punctuation, single spaces) is `canonical` of the tower, since the lower case of
Python and of the library differ. Where two segmentations of a text are equally likely (one word repeated a hundred
times without a space), the two libraries may choose differently; no other difference is known.
"""

from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from models.errors import ModelUnavailable


def siglip_tokens(model: Path) -> str:
    """Convert a sentencepiece model to tokenizer.json. Raises ModelUnavailable if it is not a unigram model."""
    from sentencepiece import sentencepiece_model_pb2

    proto: Any = getattr(sentencepiece_model_pb2, "ModelProto")()  # noqa: B009  defined at run time
    proto.ParseFromString(model.read_bytes())
    if proto.trainer_spec.model_type != 1:
        raise ModelUnavailable(f"{model.name}: not a unigram model, as SigLIP's tokenizer is")
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=proto.trainer_spec.unk_id, byte_fallback=False))
    steps: list[normalizers.Normalizer] = [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    if proto.normalizer_spec.precompiled_charsmap:
        steps.insert(0, normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    end = proto.trainer_spec.eos_id
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {pieces[end][0]}", special_tokens=[(pieces[end][0], end)]
    )
    return str(tokenizer.to_str())
