"""Each neighbour's own program or tests, unmodified, with a server of ours. They are installed when they first run."""

import json

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from bench import stamps
from daguerre import Client
from tests.clients.neighbours.environments import python_of, run
from tests.e2e import harness

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")]


def test_orange_embeds_pictures_through_its_address_alone(inline, photos, tmp_path):
    """Orange3-ImageAnalytics from its package, without a screen; its pictures are JPEGs of 299 pixels that it makes."""
    python = python_of("orange", "Orange3-ImageAnalytics==0.13.0", "PyQt5", "PyQtWebEngine")
    code = """
import json, sys
from unittest import mock
from orangecontrib.imageanalytics.image_embedder import ImageEmbedder
from orangecontrib.imageanalytics.utils.embedder_utils import ImageLoader
paths = sys.argv[1:]
with ImageEmbedder(model="inception-v3") as embedder:
    found = embedder(paths)
sent = [ImageLoader().load_image_bytes(path, (299, 299)).hex() for path in paths]
print(json.dumps([found, sent]))
"""
    paths = [str(path) for path in sorted(photos.glob("*.jpg"))]
    said = run(
        python, code, *paths, ORANGE_EMBEDDING_API_URL=inline.url, QT_QPA_PLATFORM="offscreen", HOME=str(tmp_path)
    )
    found, sent = json.loads(said.splitlines()[-1])
    with Client(inline.url, progress=False) as client:
        expected = client.embed([bytes.fromhex(each) for each in sent]).vectors
    assert np.asarray(found, np.float32).shape == expected.shape
    np.testing.assert_allclose(np.asarray(found, np.float32), expected, atol=1e-6)


def test_langchain_s_own_tests_of_embeddings_pass(inline, tmp_path):
    python = python_of("langchain", "langchain-openai==1.7.3", "langchain-tests==1.1.9")
    (tmp_path / "test_embeddings.py").write_text("""
import os
from langchain_openai import OpenAIEmbeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests


class TestDaguerre(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self):
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self):
        return {"model": "embedded", "base_url": os.environ["ADDRESS"] + "/v1", "api_key": "none",
                "check_embedding_ctx_length": False}
""")
    options = ("--rootdir", str(tmp_path), "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-W", "ignore")
    code = "import pytest, sys; sys.exit(pytest.main(['-q', *sys.argv[1:]]))"
    said = run(python, code, str(tmp_path / "test_embeddings.py"), *options, ADDRESS=inline.url)
    assert " passed" in said
    assert "failed" not in said


def test_llama_index_and_litellm_get_the_client_s_vectors_with_their_defaults(inline):
    """Each gets the address, the model's name and a key; LlamaIndex asks for base64, LiteLLM for nothing."""
    programs = {
        "llamaindex": """
from llama_index.embeddings.openai import OpenAIEmbedding
model = OpenAIEmbedding(model_name="embedded", api_base=address, api_key="none")
try:
    OpenAIEmbedding(api_base=address, api_key="none", max_retries=0).get_text_embedding("a cat")
except Exception as exc:
    error = str(exc)
found = [*model.get_text_embedding_batch(texts), model.get_query_embedding(texts[0])]
found.append(asyncio.run(model.aget_text_embedding(texts[0])))
""",
        "litellm": """
import litellm
def ask(model, **options):
    answer = litellm.embedding(model=model, api_base=address, api_key="none", max_retries=0, **options)
    return [each["embedding"] for each in answer.data]
try:
    ask("openai/text-embedding-3-small", input=texts)
except Exception as exc:
    error = str(exc)
found = [*ask("openai/embedded", input=texts), *ask("openai/embedded", input=texts[0], user="me", encoding_format=None)]
found += ask("hosted_vllm/embedded", input=[texts[0]])
""",
    }
    packages = {"llamaindex": ["llama-index-embeddings-openai==0.7.0"], "litellm": ["litellm==1.110.2"]}
    texts = ["a cat\non a sofa", "a rocket launch"]
    with Client(inline.url, progress=False) as client:
        flat, whole = (
            client.embed(texts=[texts[0].replace("\n", " "), texts[1]]).vectors,
            client.embed(texts=texts).vectors,
        )
    expected = {"llamaindex": flat, "litellm": whole}  # LlamaIndex takes line breaks for spaces
    for name, program in programs.items():
        code = (
            f"import asyncio, json, sys\naddress, *texts = sys.argv[1:]\n{program}\nprint(json.dumps([found, error]))"
        )
        python = python_of(name, *packages[name])
        said = run(python, code, f"{inline.url}/v1", *texts, LITELLM_LOCAL_MODEL_COST_MAP="True")
        found, error = json.loads(said.splitlines()[-1])
        np.testing.assert_allclose(found, expected[name][[0, 1, 0, 0]], atol=1e-6)
        assert "there is no" in error
        assert "embedded" in error


def test_the_steps_of_bertopic_s_notebook_for_images_run_on_stamps_by_our_backend(inline):
    """Vectors of pictures alone, UMAP, HDBSCAN, captions and a collage of each topic; then a search, and texts."""
    try:
        root = stamps.fetch()
    except SystemExit as exc:
        pytest.skip(f"the stamps cannot be fetched: {exc}")
    python = python_of("bertopic", "bertopic==0.17.4")
    code = """
import json, sys
from pathlib import Path
from bertopic import BERTopic
from bertopic.representation import VisualRepresentation
from umap import UMAP
from daguerre import Client
from daguerre.bertopic import Backend
address, *folders = sys.argv[1:]
images = [str(path) for folder in folders for path in sorted(Path(folder).rglob("*.png"))]
visual = VisualRepresentation()
client = Client(address, progress=False)
labels = ["bird", "vehicle", "fruit"]
visual.image_to_text_model = lambda pictures: [  # in place of a network from a hub
    [{"generated_text": f"a photo of a {label}"}] for label in client.zero_shot(images=pictures, labels=labels).best
]
umap = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=0)  # the default, with a seed
model = BERTopic(embedding_model=Backend(address), representation_model={"Visual_Aspect": visual}, umap_model=umap)
topics, _ = model.fit_transform(documents=None, images=images)
info = model.get_topic_info()
sizes = [each.size for each in info["Visual_Aspect"]]
near = model.find_topics(image=images[0], top_n=1)[0] + model.find_topics("a bird", top_n=1)[0]
words = ["a cat", "a dog", "a rocket", "a launch", "a cup of coffee", "a mug of tea"] * 10
texts, _ = BERTopic(embedding_model=Backend(address), umap_model=umap).fit_transform(words)
both = Backend(address).embed(["a bird", "a bird"], images[:2]).tolist()
topics, near, texts = ([int(each) for each in numbers] for numbers in (topics, near, texts))
print(json.dumps([topics, images, sizes, list(info["Representation"]), near, texts, both]))
"""
    folders = [str(root / name) for name in ("animals/birds", "vehicles", "food/fruit")]
    said = run(python, code, inline.url, *folders, NUMBA_CACHE_DIR=str(python.parent))
    topics, images, sizes, words, near, texts, both = json.loads(said.splitlines()[-1])
    known = [next(i for i, folder in enumerate(folders) if image.startswith(folder)) for image in images]
    assert normalized_mutual_info_score(known, topics) > 0.5
    assert all(height == 600 for _, height in sizes)
    assert any("bird" in each for each in words)
    assert near == 2 * [topics[0]]
    assert len(texts) == 60
    with Client(inline.url, progress=False) as client:
        expected = (client.embed(texts=["a bird"] * 2).vectors + client.embed(images[:2]).vectors) / 2
    np.testing.assert_allclose(np.asarray(both, np.float32), expected, atol=1e-7)


def test_datasets_polars_and_duckdb_read_vectors_without_a_cast(inline, photos, tmp_path):
    """A column of `map`, and the file of a corpus, whose vectors are lists of a fixed size."""
    python = python_of("tables", "datasets==5.2.0", "polars==2.1.0", "duckdb==2.0.1")
    with Client(inline.url, progress=False) as client:
        client.embed_corpus(photos, tmp_path / "photos.parquet")
        expected = client.embed(photos)
    code = """
import functools, json, sys
import datasets, duckdb, numpy as np, polars as pl
import daguerre
address, file, *paths = sys.argv[1:]
rows = datasets.Dataset.from_dict({"image": paths})
mapped = rows.map(functools.partial(daguerre.embed_batch, url=address), batched=True, batch_size=3)
table = pl.read_parquet(file)
assert isinstance(table.schema["vector"], pl.Array), table.schema
((kind, length),) = duckdb.sql(f"select distinct typeof(vector), len(vector) from '{file}'").fetchall()
ids = duckdb.sql(f"select id from '{file}' order by id").fetchall()
near = duckdb.sql(
    f"select a.id, list_cosine_similarity(a.vector, b.vector) from '{file}' a, '{file}' b where a.id = b.id"
).fetchall()
print(json.dumps([mapped["embedding"][:], kind, length, [i for i, in ids], [c for _, c in near],
                  table.sort("id")["vector"].to_numpy().tolist()]))
"""
    paths = [str(path) for path in expected.files]
    said = run(python, code, inline.url, str(tmp_path / "photos.parquet"), *paths, HF_HOME=str(tmp_path / "hf"))
    mapped, kind, length, ids, cosines, stored = json.loads(said.splitlines()[-1])
    np.testing.assert_array_equal(np.asarray(mapped, np.float32), expected.vectors)
    assert (kind, length) == ("FLOAT[]", expected.vectors.shape[1])
    order = np.argsort(expected.ids)
    assert ids == [expected.ids[i] for i in order]
    np.testing.assert_array_equal(np.asarray(stored, np.float32), expected.vectors[order])
    assert cosines == pytest.approx([1.0] * len(ids), abs=1e-5)


def test_an_address_alone_may_carry_the_key(guarded_server):
    """As http://key:PASSWORD@host, for programs such as Orange that take an address and nothing else."""
    picture = harness.jpeg("rocket", width=100)
    host = guarded_server.url.removeprefix("http://")
    with guarded_server.client() as client:
        answer = client.post(f"http://key:open-sesame@{host}/image/inception-v3", content=picture)
        assert len(answer.json()["embedding"]) == 1280
        assert client.post(f"http://key:wrong@{host}/image/inception-v3", content=picture).status_code == 401
        assert client.post("/image/inception-v3", content=picture).status_code == 401
