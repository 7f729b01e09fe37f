"""Importing: folders of the true architectures, small, by the path that real weights take. The oracle is
`transformers` with its own processors, its own pooling rules written out here, and another attention."""

import functools
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from models.catalog.folder import ModelFolder, installed, locate, open_folder
from models.catalog.hub import HUB, base_name
from models.encoders.processors import image_processor, text_processor
from models.errors import ModelUnavailable
from models.images.decoding import ImageLimits
from models.sessions.exact import exact_products
from models.sessions.onnx import OnnxSession
from models.sources import describe, fetch, make, oracle, precision
from tests.models import architectures
from tests.models.texts import TEXTS

ROOT = Path(__file__).parents[3]
USABLE = [text for text in TEXTS if text.strip()]
INT8 = pytest.mark.skipif(not exact_products(), reason="int8 is refused on a processor without VNNI")
TIES = ("x" * 300, "抗议" * 400)  # two segmentations are equally likely to the first SigLIP's kind of tokenizer


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory):
    """Folders of the small architectures, each made once."""
    root = tmp_path_factory.mktemp("sources")
    made: dict[str, Path] = {}

    def source(name: str) -> Path:
        if name not in made:
            made[name] = architectures.BUILDERS[name](root / name)
        return made[name]

    return source


@pytest.fixture(scope="module")
def imported(home: Path, sources):
    """Their served folders."""
    made: dict[tuple[str, str], ModelFolder] = {}

    def one(name: str, kind: str = "fp32") -> ModelFolder:
        if (name, kind) not in made:
            wanted = make.ImportRequest(source=sources(name), name=name, precision=kind)
            made[name, kind] = make.import_model(make.with_served_name(wanted), home)
        return made[name, kind]

    return one


# both ways from bytes and texts to vectors


def our_images(folder: ModelFolder, datas: list[bytes]) -> np.ndarray:
    processor, session = image_processor(folder), OnnxSession(folder.path / "image.onnx", threads=1)
    rows = [processor.preprocess(data, limits=ImageLimits(), decode="exact") for data in datas]
    return processor.postprocess(session.run(processor.collate(rows, processor.shape_bucket(rows[0]))))


def our_texts(folder: ModelFolder, texts: list[str]) -> np.ndarray:
    processor, session = text_processor(folder), OnnxSession(folder.path / "text.onnx", threads=1)
    rows = [tokens.ids for tokens in processor.preprocess(texts)]
    raw = [session.run(processor.collate([row], processor.shape_bucket(row))) for row in rows]
    return processor.postprocess(np.concatenate(raw))


def unit(rows: torch.Tensor) -> np.ndarray:
    return (rows / rows.norm(dim=-1, keepdim=True)).float().numpy()


def their_pixels(source: Path, datas: list[bytes]) -> torch.Tensor:
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(str(source), local_files_only=True, backend="pil")
    photos = [Image.open(io.BytesIO(data)).convert("RGB") for data in datas]
    return torch.cat([processor(images=photo, return_tensors="pt")["pixel_values"] for photo in photos])


def their_model(source: Path):
    from transformers import AutoModel

    kind = json.loads((source / "config.json").read_text())["model_type"]
    attention = "eager" if kind == "mpnet" else "sdpa"  # it has no other
    return AutoModel.from_pretrained(str(source), local_files_only=True, attn_implementation=attention).eval()


def their_images(source: Path, datas: list[bytes]) -> np.ndarray:
    model, pixels = their_model(source), their_pixels(source, datas)
    with torch.inference_mode():
        if hasattr(model, "get_image_features"):
            return unit(model.get_image_features(pixel_values=pixels).pooler_output)
        return unit(model(pixel_values=pixels).last_hidden_state[:, 0])


@functools.cache
def their_tokenizer(source: Path):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(source), local_files_only=True)


def their_tokens(source: Path, text: str, longest: int, **more) -> torch.Tensor:
    given = their_tokenizer(source)(text, truncation=True, max_length=longest, return_tensors="pt", **more)
    return given["input_ids"]


def their_texts(source: Path, texts: list[str], longest: int, pool=None) -> np.ndarray:
    model = their_model(source)
    rows = []
    with torch.inference_mode():
        for text in texts:
            if hasattr(model, "get_text_features"):
                fixed = {"padding": "max_length"} if model.config.model_type == "siglip" else {}
                ids = their_tokens(source, text, longest, **fixed)
                rows.append(model.get_text_features(input_ids=ids).pooler_output)
            else:
                hidden = model(input_ids=their_tokens(source, text, longest)).last_hidden_state[0]
                rows.append((pool or (lambda h: h.mean(0)))(hidden)[None])
    return unit(torch.cat(rows))


def close(got: np.ndarray, wanted: np.ndarray, share: float = 2e-3) -> None:
    """Equal up to a small share of how far different inputs are apart: random networks make all rows look alike."""
    apart = np.linalg.norm(wanted[:, None] - wanted[None], axis=2)
    typical = np.median(apart[np.triu_indices(len(wanted), 1)])
    assert typical > 1e-4, "the oracle cannot tell its inputs apart"
    assert np.linalg.norm(got - wanted, axis=1).max() < share * typical


# parity


@pytest.mark.parametrize("name", ["clip", "siglip1", "siglip2", "dinov2", "vit"])
def test_images_become_the_vectors_of_transformers(name, imported, sources):
    datas = oracle.pictures()
    close(our_images(imported(name), datas), their_images(sources(name), datas))


@pytest.mark.parametrize("name", ["clip", "siglip1", "siglip2", "e5"])
def test_texts_become_the_vectors_of_transformers(name, imported, sources):
    folder, texts = imported(name), [text for text in USABLE if text not in TIES]
    close(our_texts(folder, texts), their_texts(sources(name), texts, folder.spec.text.max_tokens))


@pytest.mark.parametrize("name", ["clip", "siglip1", "siglip2", "e5"])
def test_token_ids_are_those_of_transformers(name, imported, sources):
    folder = imported(name)
    longest = folder.spec.text.max_tokens
    texts = [text for text in TEXTS if name != "siglip1" or text not in TIES]
    got = [tokens.ids.tolist() for tokens in text_processor(folder).preprocess(texts)]
    assert got == [their_tokens(sources(name), text, longest)[0].tolist() for text in texts]
    assert max(map(len, got)) == longest  # overlong ones are among them


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=3))
def test_token_ids_of_any_text_of_the_first_siglip(imported, sources, texts):
    """Its rules are written anew here: lower case of any script, punctuation, spaces. "</s>" in a text is text."""
    assume(not any(token in text for text in texts for token in ("</s>", "<unk>")))
    got = [tokens.ids.tolist() for tokens in text_processor(imported("siglip1")).preprocess(texts)]
    assert got == [their_tokens(sources("siglip1"), text, 64)[0].tolist() for text in texts]


@pytest.mark.parametrize("name", ["clip", "siglip1", "siglip2"])
def test_zero_shot_probabilities_are_those_of_transformers(name, imported, sources):
    folder, source = imported(name), sources(name)
    datas, labels = oracle.pictures(), ["a cat", "a rocket launch", "eine Tasse Kaffee", "stars"]
    head = folder.spec.zero_shot
    logits = head.logit_scale * our_images(folder, datas) @ our_texts(folder, labels).T + head.logit_bias
    model, pixels = their_model(source), their_pixels(source, datas)
    fixed = {"padding": "max_length"} if name != "clip" else {"padding": True}
    longest = folder.spec.text.max_tokens
    ids = their_tokenizer(source)(labels, truncation=True, max_length=longest, return_tensors="pt", **fixed)
    with torch.inference_mode():
        wanted = model(input_ids=ids["input_ids"], pixel_values=pixels).logits_per_image
    if name != "clip":
        assert head.activation == "sigmoid"
        got, wanted = 1 / (1 + np.exp(-logits)), torch.sigmoid(wanted).numpy()
    else:
        assert head.activation == "softmax"
        got = torch.softmax(torch.from_numpy(logits), 1).numpy()
        wanted = torch.softmax(wanted, 1).numpy()
    assert np.ptp(wanted, axis=1).max() > 1e-3  # labels do differ
    np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_pixels_are_those_of_the_processor(imported, sources):
    for name in ("clip", "siglip2", "dinov2", "vit"):
        assert imported(name).parity["pixel_max_difference"] < 1e-6


POOLS = {
    "mean_tokens": lambda h: h.mean(0),
    "cls_token": lambda h: h[0],
    "max_tokens": lambda h: h.amax(0),
    "lasttoken": lambda h: h[-1],
}


@pytest.mark.parametrize("pooling", POOLS)
def test_each_pooling_is_done_as_its_file_says(pooling, tmp_path):
    source = architectures.sentence(tmp_path / "source", pooling=pooling)
    folder = make.import_model(make.ImportRequest(source=source, name="pooled"), tmp_path / "home")
    close(our_texts(folder, USABLE), their_texts(source, USABLE, 100, POOLS[pooling]))


@pytest.mark.parametrize("kind", ["mpnet", "distilbert", "xlm-roberta"])
def test_other_kinds_of_sentence_encoders(kind, tmp_path):
    source = architectures.sentence(tmp_path / "source", kind=kind)
    folder = make.import_model(make.ImportRequest(source=source, name=kind), tmp_path / "home")
    assert folder.spec.text.max_tokens == 100
    close(our_texts(folder, USABLE), their_texts(source, USABLE, 100))


def test_a_dense_layer_after_the_pooling(tmp_path):
    source = architectures.sentence(tmp_path / "source", dense=12)
    folder = make.import_model(make.ImportRequest(source=source, name="dense"), tmp_path / "home")
    assert folder.spec.dimension == 12
    state = torch.load(source / "2_Dense" / "pytorch_model.bin", weights_only=True)
    layer = lambda h: torch.tanh(h.mean(0) @ state["linear.weight"].T + state["linear.bias"])  # noqa: E731
    close(our_texts(folder, USABLE), their_texts(source, USABLE, 100, layer))


@pytest.mark.slow
def test_the_true_minilm_gives_the_vectors_of_transformers(tmp_path):
    folder = make.import_model(make.ImportRequest(source=architectures.minilm(), name="all-minilm-l6-v2"), tmp_path)
    wanted = their_texts(architectures.minilm(), USABLE, folder.spec.text.max_tokens)
    assert (our_texts(folder, USABLE) * wanted).sum(1).min() > 0.999999


def test_a_prefix_is_read_before_every_text(imported):
    folder = imported("e5")
    spec = replace(folder.spec, text=replace(folder.spec.text, prefix="query: "))
    assert spec.fingerprint() != folder.spec.fingerprint()
    with_it = our_texts(replace(folder, spec=spec), ["a march", "ein Streik"])
    np.testing.assert_allclose(with_it, our_texts(folder, ["query: a march", "query: ein Streik"]), atol=1e-6)


# precision


@pytest.mark.parametrize("kind", [pytest.param("int8", marks=INT8), "fp16"])
def test_a_precision_is_a_model_of_its_own(kind, imported):
    plain, other = imported("clip"), imported("clip", kind)
    assert other.spec.name == f"clip-{kind}"
    assert other.spec.fingerprint() != plain.spec.fingerprint()
    least = precision.LIMITS[kind][1]
    datas = oracle.pictures()
    assert (our_images(plain, datas) * our_images(other, datas)).sum(1).min() >= least
    assert (our_texts(plain, USABLE) * our_texts(other, USABLE)).sum(1).min() >= least
    if kind == "fp16":  # tables of words are most of so small a model, and int8 leaves them as they are
        assert (other.path / "text.onnx").stat().st_size < (plain.path / "text.onnx").stat().st_size


@pytest.fixture(scope="module")
def true_int8(tmp_path_factory):
    """MiniLM's true weights: random ones have no outliers."""
    wanted = make.ImportRequest(source=architectures.minilm(), name="minilm", precision="int8")
    return make.import_model(make.with_served_name(wanted), tmp_path_factory.mktemp("int8"))


@INT8
@pytest.mark.slow
def test_int8_is_near_enough_with_true_weights(true_int8):
    wanted = their_texts(architectures.minilm(), USABLE, 256)
    cosines = (our_texts(true_int8, USABLE) * wanted).sum(1)
    assert cosines.mean() > 0.99
    assert cosines.min() > 0.97


@INT8
@pytest.mark.parametrize("threads", [1, 3])
def test_int8_has_the_same_bytes_in_every_batch_and_with_every_number_of_threads(true_int8, threads):
    """Scales are of a row, not of a tensor: this is what makes int8 fit to be offered."""
    processor, session = text_processor(true_int8), OnnxSession(true_int8.path / "text.onnx", threads=1)
    rows = [t.ids for t in processor.preprocess(USABLE) if len(t.ids) <= 16]
    alone = np.concatenate([session.run(processor.collate([row], 16)) for row in rows])
    assert len(rows) > 8
    together = OnnxSession(true_int8.path / "text.onnx", threads=threads).run(processor.collate(rows, 16))
    assert together.tobytes() == alone.tobytes()


@INT8
def test_int8_has_integer_products(true_int8):
    import onnx

    nodes = onnx.load(str(true_int8.path / "text.onnx")).graph.node
    assert (true_int8.path / "text.onnx").stat().st_size < 62e6  # 90 MB in fp32
    assert sum(node.op_type == "MatMulIntegerToFloat" for node in nodes) == 36  # six layers of six
    assert not any(node.op_type == "DynamicQuantizeLinear" for node in nodes)  # one scale for all of a batch


@pytest.fixture(scope="module")
def nearer_int8(tmp_path_factory):
    """MiniLM in int8 as near as asked for. The search takes a minute; it is not done again for each test."""
    said: list[str] = []
    wanted = make.ImportRequest(source=architectures.minilm(), name="minilm", precision="int8", min_cosine=0.995)
    model = make.import_model(make.with_served_name(wanted), tmp_path_factory.mktemp("nearer"), said.append)
    return model, said


@INT8
@pytest.mark.slow
def test_products_stay_in_fp32_until_int8_is_as_near_as_was_asked_for(nearer_int8, true_int8):
    """Texts of the oracle are those of the search, and these are others."""
    import onnx

    model, said = nearer_int8
    wanted = their_texts(architectures.minilm(), USABLE, 256)
    assert (our_texts(true_int8, USABLE) * wanted).sum(1).min() < 0.993  # else there is nothing to find
    assert (our_texts(model, USABLE) * wanted).sum(1).min() > 0.994
    assert model.parity["text_min_cosine"] >= 0.995
    kept = model.spec.kept_fp32
    assert 1 <= len(kept) <= 12
    assert any(", ".join(name.removeprefix("text/") for name in kept) in line for line in said)
    assert any("MB of graphs" in line for line in said)
    nodes = onnx.load(str(model.path / "text.onnx")).graph.node
    assert sum(node.op_type == "MatMulIntegerToFloat" for node in nodes) == 36 - len(kept)
    assert model.spec.fingerprint() != true_int8.spec.fingerprint()
    rows = [t.ids for t in text_processor(model).preprocess(USABLE) if len(t.ids) <= 16]
    session = OnnxSession(model.path / "text.onnx", threads=1)
    alone = np.concatenate([session.run(text_processor(model).collate([row], 16)) for row in rows])
    assert (alone * session.run(text_processor(model).collate(rows, 16))).sum(1).min() > 0.999999


@INT8
def test_of_a_small_model_only_the_product_that_costs_most_is_kept(sources, imported, tmp_path):
    wanted = make.ImportRequest(source=sources("clip"), name="clip-int8", precision="int8", min_cosine=0.9999)
    model = make.import_model(wanted, tmp_path)
    plain = imported("clip", "int8")
    assert plain.spec.kept_fp32 == ()
    assert model.spec.kept_fp32
    assert all(name.split("/")[0] in ("image", "text") and name.endswith("fc2") for name in model.spec.kept_fp32)
    assert min(model.parity["text_min_cosine"], model.parity["image_min_cosine"]) >= 0.9999
    assert model.spec.fingerprint() != plain.spec.fingerprint()
    assert replace(model.spec, kept_fp32=(), name=plain.spec.name).fingerprint() == plain.spec.fingerprint()


@INT8
def test_an_int8_that_cannot_be_as_near_is_refused_with_the_best_there_is(monkeypatch, sources, tmp_path):
    from models.sources import int8_search

    monkeypatch.setattr(int8_search, "MOST", 0.0)
    wanted = make.ImportRequest(source=sources("clip"), name="clip-int8", precision="int8", min_cosine=0.9999)
    with pytest.raises(
        ModelUnavailable, match=r"--min-cosine 0.9999: \w+ vectors in int8 reach 0.99\d+ with 0 of 2 prod"
    ):
        make.import_model(wanted, tmp_path)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("precision", "asked", "words"),
    [
        ("fp32", 0.995, "--min-cosine: is for --precision int8, not fp32; leave it out"),
        ("int8", 0.5, "--min-cosine: got 0.5, must be from 0.97, which int8 needs in any case, to 0.9999"),
        ("int8", 1.0, "--min-cosine: got 1, must be from"),
        ("int8", float("nan"), "--min-cosine: got nan, must be from"),
    ],
)
def test_a_least_cosine_that_means_nothing_is_refused(precision, asked, words, sources, tmp_path):
    wanted = make.ImportRequest(source=sources("e5"), name="e5", precision=precision, min_cosine=asked)
    with pytest.raises(ModelUnavailable, match=re.escape(words)):
        make.import_model(wanted, tmp_path)


def test_int8_is_refused_where_products_are_not_exact(monkeypatch, sources, tmp_path):
    from models.sessions import exact

    monkeypatch.setattr(exact, "exact_products", lambda: False)
    with pytest.raises(ModelUnavailable, match=r"int8 is not exact on this processor.*use fp32"):
        make.import_model(make.ImportRequest(source=sources("e5"), name="e5-int8", precision="int8"), tmp_path)


@pytest.mark.parametrize("kind", [pytest.param("int8", marks=INT8), "fp16"])
def test_an_export_below_the_limit_is_refused_and_leaves_nothing(monkeypatch, sources, tmp_path, kind):
    monkeypatch.setitem(precision.LIMITS, kind, (1.1, 1.1))
    with pytest.raises(ModelUnavailable, match=rf"vectors in {kind} have min cosine [01]\.\d+ .*use fp32"):
        make.import_model(make.ImportRequest(source=sources("e5"), name=f"e5-{kind}", precision=kind), tmp_path)
    assert installed(tmp_path) == {}
    assert not list(tmp_path.glob("models/*/*"))


# what is refused


def test_pixels_that_differ_are_refused(monkeypatch, sources, tmp_path):
    honest = oracle.pixel_values
    monkeypatch.setattr(oracle, "pixel_values", lambda folder, images: honest(folder, images) + 0.01)
    with pytest.raises(ModelUnavailable, match=r"pixels differ by 0\.0100"):
        make.import_model(make.ImportRequest(source=sources("vit"), name="vit"), tmp_path)


def test_tokens_that_differ_are_refused(monkeypatch, sources, tmp_path):
    honest = oracle.token_ids
    monkeypatch.setattr(oracle, "token_ids", lambda *a: [ids[:-1] for ids in honest(*a)])
    with pytest.raises(ModelUnavailable, match="its tokens of 'a' differ"):
        make.import_model(make.ImportRequest(source=sources("e5"), name="e5"), tmp_path)


def test_vectors_that_differ_are_refused(monkeypatch, sources, tmp_path):
    honest = oracle.image_vectors
    monkeypatch.setattr(oracle, "image_vectors", lambda *a: -honest(*a))
    with pytest.raises(ModelUnavailable, match=r"vit: image vectors in fp32 have min cosine -"):
        make.import_model(make.ImportRequest(source=sources("vit"), name="vit"), tmp_path)


def changed(source: Path, to: Path, **config) -> Path:
    shutil.copytree(source, to)
    said = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps(said | config))
    return to


def test_what_is_not_supported_is_named(sources, tmp_path):
    for kind, words in (
        ("llama", "has model_type 'llama'; supported: clip, siglip"),
        ("siglip2", "variable resolution"),
    ):
        with pytest.raises(ModelUnavailable, match=words):
            describe.read_source(changed(sources("vit"), tmp_path / kind, model_type=kind))


def test_weights_that_lack_a_layer_are_refused(sources, tmp_path):
    """transformers would fill in random numbers."""
    source = changed(sources("dinov2"), tmp_path / "deeper", num_hidden_layers=3)
    with pytest.raises(ModelUnavailable, match=r"its weights lack .*layer.*others; save the model again"):
        make.import_model(make.ImportRequest(source=source, name="deeper"), tmp_path / "home")


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_a_folder_without_a_file_is_refused(missing, sources, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(sources("vit"), source)
    (source / missing).unlink()
    with pytest.raises(ModelUnavailable, match=r"source.*(has no|has neither|cannot be)"):
        make.import_model(make.ImportRequest(source=source, name="vit"), tmp_path / "home")


def test_damaged_weights_are_refused(sources, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(sources("vit"), source)
    weights = source / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelUnavailable, match="its weights cannot be loaded"):
        make.import_model(make.ImportRequest(source=source, name="vit"), tmp_path / "home")


def test_a_name_stays_with_its_weights_unless_told(sources, tmp_path):
    first = make.import_model(make.ImportRequest(source=sources("vit"), name="mine"), tmp_path)
    assert make.import_model(make.ImportRequest(source=sources("vit"), name="mine"), tmp_path).path == first.path
    other = make.ImportRequest(source=sources("dinov2"), name="mine")
    with pytest.raises(ModelUnavailable, match=r"'mine' is the name of another model.*--replace"):
        make.import_model(other, tmp_path)
    second = make.import_model(replace(other, replace=True), tmp_path)
    assert installed(tmp_path) == {"mine": [second.path]}


def test_the_fingerprint_is_of_the_weights_not_of_the_place(imported, sources, tmp_path):
    copied = tmp_path / "elsewhere"
    shutil.copytree(sources("clip"), copied)
    again = make.import_model(make.ImportRequest(source=copied, name="clip"), tmp_path / "home")
    assert again.spec.fingerprint() == imported("clip").spec.fingerprint()


# the hub


class Hub:
    """Stands for huggingface_hub: notes what it is asked for."""

    asked: dict[str, object]

    def __init__(self, files, source: Path):
        self.files, self.source = files, source

    def model_info(self, repository, revision, timeout):
        self.asked = {"repository": repository, "revision": revision}
        return SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in self.files])

    def snapshot_download(self, repository, revision, allow_patterns, local_dir):
        self.asked |= {"allowed": sorted(allow_patterns), "again": (repository, revision)}
        Path(local_dir).mkdir(parents=True)
        for name in allow_patterns:
            target = Path(local_dir) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.source / name, target)


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    import huggingface_hub

    source = architectures.minilm()
    files = [str(p.relative_to(source)) for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    made = Hub([*files, "pytorch_model.bin", "tf_model.h5", "onnx/model.onnx"], source)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: made)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", made.snapshot_download)
    return made


def test_fetching_asks_for_the_pinned_commit_and_no_more_than_is_needed(hub, tmp_path):
    row = HUB["all-minilm-l6-v2"]
    folder = fetch.fetch(row.name, tmp_path)
    assert hub.asked["again"] == (row.repository, row.revision)
    allowed = hub.asked["allowed"]
    assert {"config.json", "model.safetensors", "tokenizer.json", "modules.json", "1_Pooling/config.json"} <= set(
        allowed
    )
    assert not {"pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "README.md"} & set(allowed)
    hub.asked = {}
    assert fetch.fetch(row.name, tmp_path) == folder
    assert hub.asked == {}  # it is there


def test_a_fetched_model_is_served_by_its_name_and_says_its_commit(hub, tmp_path):
    row = HUB["all-minilm-l6-v2"]
    wanted = make.ImportRequest(source=fetch.fetch(row.name, tmp_path), name=row.name, row=row, fetched=True)
    make.import_model(wanted, tmp_path)
    found = locate(row.name, tmp_path)
    assert (found.spec.source.kind, found.spec.source.revision) == ("hub", row.revision)
    assert found.spec.licence == "Apache-2.0"
    assert found.spec.dimension == row.dimension


def test_another_model_under_a_hubs_name_is_refused(sources, tmp_path):
    row = HUB["dinov2-base"]
    with pytest.raises(ModelUnavailable, match=r"dinov2-base: its files have dimension 32, the catalogue expects 768"):
        make.import_model(make.ImportRequest(source=sources("dinov2"), name=row.name, row=row), tmp_path)


def test_offline_nothing_is_asked_for(hub, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelUnavailable, match=r"HF_HUB_OFFLINE forbids.*python -m models import FOLDER"):
        fetch.fetch("clip-vit-base-patch32", tmp_path)
    assert not hasattr(hub, "asked")


def test_without_a_network_it_says_what_to_do(monkeypatch, tmp_path):
    import huggingface_hub

    def away(*a, **k):
        raise ConnectionError("no route to host")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", away)
    with pytest.raises(ModelUnavailable, match=r"could not be fetched.*no route to host.*import FOLDER --name"):
        fetch.fetch("clip-vit-base-patch32", tmp_path)
    assert not any((tmp_path / "sources").glob("*/.complete-*"))


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        (["pytorch_model.bin", "flax_model.msgpack"], ["pytorch_model.bin"]),
        (
            ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
            ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ),
    ],
)
def test_the_safest_weights_that_there_are(files, chosen):
    assert fetch.files_to_fetch(files) == chosen


def test_a_repository_without_weights_is_refused():
    with pytest.raises(ModelUnavailable, match=r"neither model\.safetensors nor"):
        fetch.files_to_fetch(["open_clip_model.safetensors", "config.json"])


def test_what_is_not_here_yet_says_how_to_get_it(tmp_path):
    for entry, command in (
        ("clip-vit-base-patch32", "python -m models fetch clip-vit-base-patch32$"),
        ("dinov2-base-int8", "python -m models fetch dinov2-base --precision int8$"),
    ):
        with pytest.raises(ModelUnavailable, match=command):
            locate(entry, tmp_path)


@pytest.mark.parametrize("row", HUB.values(), ids=HUB)
def test_each_row_is_pinned(row):
    assert len(row.revision) == 40
    assert int(row.revision, 16)
    assert base_name(f"{row.name}-int8") == row.name == base_name(row.name)
    assert all(template.count("{}") == 1 for template in row.templates)
    assert bool(row.templates) == bool(row.image and row.max_tokens)


# the command


def models(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "models", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_import_list_and_verify_by_hand(sources, tmp_path):
    done = models("import", str(sources("vit")), "--name", "my-vit", "--licence", "CC0", "--home", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "my-vit: image min cosine 0.99999" in done.stdout or "my-vit: image min cosine 1.0" in done.stdout
    assert "DAGUERRE_MODELS=my-vit scripts/serve" in done.stdout
    listed = models("list", "--home", str(tmp_path)).stdout
    assert [line.split()[-2:] for line in listed.splitlines() if line.startswith("my-vit ")] == [["installed", "CC0"]]
    assert "clip-vit-base-patch32" in listed
    (folder,) = installed(tmp_path)["my-vit"]
    assert models("verify", "my-vit", "--home", str(tmp_path)).stdout == f"{folder}: complete and unchanged\n"
    (folder / "image.onnx").write_bytes(b"no graph")
    damaged = models("verify", "my-vit", "--home", str(tmp_path))
    assert damaged.returncode == 1
    assert "image.onnx is missing or damaged" in damaged.stderr
    with pytest.raises(ModelUnavailable):
        open_folder(folder)


def test_fetch_offline_by_hand(tmp_path):
    done = models("fetch", "dinov2-small", "--home", str(tmp_path), HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert done.stderr.startswith("'dinov2-small' is not in sources/ and HF_HUB_OFFLINE forbids")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fetch", "clop"), "'clop' is not a known model of the hub"),
        (("fetch", "embedded"), "python -m models export embedded"),
        (("import", "no-such-folder"), "there is no folder no-such-folder"),
        (("import", ".", "--name", "A B"), "name: 'A B' must consist of a to z"),
        (("import", ".", "--name", "embedded"), "is a model of the catalogue"),
    ],
)
def test_a_wrong_wish_is_told_the_rule(arguments, words, tmp_path):
    done = models(*arguments, "--home", str(tmp_path))
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


# torch


@pytest.mark.parametrize("kind", ["fp32", "bf16"])
def test_torch_runs_the_same_graph(kind, imported, home):
    from models.backends import open_session

    folder = imported("clip", kind)
    processor = image_processor(folder)
    rows = [processor.preprocess(d, limits=ImageLimits(), decode="exact") for d in oracle.pictures()[:4]]
    stack = processor.collate(rows, 224)
    session = open_session(folder, "image", home=home, backend="torch")
    assert session.provider == "torch:cpu"
    got = session.run(stack)
    wanted = OnnxSession(imported("clip").path / "image.onnx").run(stack)
    assert (processor.postprocess(got) * wanted).sum(1).min() > (0.999999 if kind == "fp32" else 0.999)
    texts = text_processor(folder)
    ids = texts.collate([texts.preprocess(["a march"])[0].ids], 8)
    text = open_session(folder, "text", home=home, backend="torch").run(ids)
    plain = OnnxSession(imported("clip").path / "text.onnx").run(ids)
    assert (texts.postprocess(text) * plain).sum() > 0.999


def test_a_compiled_graph_sees_few_shapes(monkeypatch):
    """torch compiles each shape anew, for a minute; the compiler itself is left out here."""
    from models.sessions.torch import TorchSession

    seen = []

    class Graph(torch.nn.Module):
        def forward(self, pixels):
            seen.append(len(pixels))
            return pixels.float().flatten(1)[:, :2]

    monkeypatch.setattr(torch, "compile", lambda graph, dynamic: graph)
    session = TorchSession(Graph(), precision="fp32", device="cpu", compiled=True)
    stack = np.random.default_rng(0).integers(0, 255, (5, 2, 2, 3), np.uint8)
    for rows in (1, 3, 4, 5):
        np.testing.assert_array_equal(session.run(stack[:rows]), stack[:rows].reshape(rows, -1)[:, :2])
    assert seen == [1, 4, 4, 8]


def test_bf16_wants_torch(imported, home):
    from models.backends import open_session

    with pytest.raises(ModelUnavailable, match="set DAGUERRE_BACKEND=torch"):
        open_session(imported("clip", "bf16"), "image", home=home)


@INT8
def test_int8_is_for_cpus(imported, home):
    from models.backends import open_session

    with pytest.raises(ModelUnavailable, match="int8, which is for CPUs"):
        open_session(imported("clip", "int8"), "image", home=home, device="cuda:0")


def test_torch_refuses_a_source_that_has_changed(sources, tmp_path):
    from models.backends import open_session

    source = tmp_path / "source"
    shutil.copytree(sources("vit"), source)
    folder = make.import_model(make.ImportRequest(source=source, name="vit"), tmp_path / "home")
    said = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(said | {"layer_norm_eps": 1e-3}))
    with pytest.raises(ModelUnavailable, match="has changed since"):
        open_session(folder, "image", home=tmp_path / "home", backend="torch")
    shutil.rmtree(source)
    with pytest.raises(ModelUnavailable, match="no longer exists"):
        open_session(folder, "image", home=tmp_path / "home", backend="torch")
