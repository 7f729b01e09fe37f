"""The first SigLIP's tokenizer, which transformers has only in Python over sentencepiece, in the tokenizers library.

What it does to a text beforehand (lower case, no punctuation, single spaces) is `canonical` of the tower, since
Python's lower case is not that of the library. Where two segmentations of a text are equally likely (one word said a
hundred times without a space), the two libraries may choose differently; nothing else was found to differ.
"""

from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from models.errors import ModelUnavailable


def siglip_tokens(model: Path) -> str:
    """tokenizer.json of a sentencepiece model. Raises ModelUnavailable where it is not of SigLIP's kind."""
    from sentencepiece import sentencepiece_model_pb2

    proto: Any = getattr(sentencepiece_model_pb2, "ModelProto")()  # noqa: B009  made at run time
    proto.ParseFromString(model.read_bytes())
    if proto.trainer_spec.model_type != 1:
        raise ModelUnavailable(f"{model.name}: not a unigram model, as SigLIP's is")
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    made = Tokenizer(models.Unigram(pieces, unk_id=proto.trainer_spec.unk_id, byte_fallback=False))
    steps: list[normalizers.Normalizer] = [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    if proto.normalizer_spec.precompiled_charsmap:
        steps.insert(0, normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap))
    made.normalizer = normalizers.Sequence(steps)
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    end = proto.trainer_spec.eos_id
    made.post_processor = processors.TemplateProcessing(
        single=f"$A {pieces[end][0]}", special_tokens=[(pieces[end][0], end)]
    )
    said: str = made.to_str()
    return said
