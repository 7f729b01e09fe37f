"""Each neighbour's own program or tests, unmodified, with a server of ours. They are installed when they first run."""

import json

import numpy as np
import pytest

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


def test_bertopic_finds_topics_in_texts_and_pictures_by_our_backend(inline, corpus):
    """BERTopic's steps for pictures: vectors of pictures alone, clusters, and texts of each topic."""
    python = python_of("bertopic", "bertopic==0.17.4")
    code = """
import json, sys
from pathlib import Path
import numpy as np
from bertopic import BERTopic
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from daguerre.bertopic import Backend
images = sorted(str(path) for path in Path(sys.argv[2]).rglob("*") if path.suffix in (".jpg", ".png"))
backend = Backend(sys.argv[1])
options = dict(umap_model=PCA(5), hdbscan_model=KMeans(3, random_state=0, n_init=3))
topics, _ = BERTopic(embedding_model=backend, **options).fit_transform(documents=None, images=images)
words = ["a cat", "a dog", "a rocket", "a launch", "a cup of coffee", "a mug of tea"] * 4
texts, _ = BERTopic(embedding_model=backend, **options).fit_transform(words)
vectors = backend.embed_images(images[:2]).tolist()
print(json.dumps([[int(each) for each in topics], images, [int(each) for each in texts], vectors]))
"""
    topics, images, texts, vectors = json.loads(run(python, code, inline.url, str(corpus)).splitlines()[-1])
    assert (len(topics), len(set(topics))) == (len(images), 3)
    assert len(set(texts)) == 3
    with Client(inline.url, progress=False) as client:
        np.testing.assert_array_equal(np.asarray(vectors, np.float32), client.embed(images[:2]).vectors)


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
    f"select a.id, array_cosine_similarity(a.vector, b.vector) from '{file}' a, '{file}' b where a.id = b.id"
).fetchall()
print(json.dumps([mapped["embedding"][:], kind, [i for i, in ids], [c for _, c in near],
                  table.sort("id")["vector"].to_numpy().tolist()]))
"""
    paths = [str(path) for path in expected.files]
    said = run(python, code, inline.url, str(tmp_path / "photos.parquet"), *paths, HF_HOME=str(tmp_path / "hf"))
    mapped, kind, ids, cosines, stored = json.loads(said.splitlines()[-1])
    np.testing.assert_array_equal(np.asarray(mapped, np.float32), expected.vectors)
    assert kind == f"FLOAT[{expected.vectors.shape[1]}]"
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
