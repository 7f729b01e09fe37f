"""From a folder of photos to a table that a paper can use, cell by cell. Run it, or paste it into a notebook.

python protest_photos.py photos/            # any folder; the server at $DAGUERRE_URL, or on this machine
"""

# %% a server, and what it runs
import sys
from pathlib import Path

import numpy as np

from daguerre import Client, Embeddings

photos = Path(sys.argv[1] if len(sys.argv) > 1 else "photos")
client = Client()
model = client.models()[0]
print(client.ping())
print(model.id, model.dimension, model.licence)
print(model.notice or "")

# %% vectors of every photo, in a file that a killed run goes on with
print(client.embed_corpus(photos, photos.with_suffix(".parquet")))
X = Embeddings.read_parquet(photos.with_suffix(".parquet")).drop_failed()
print(X)

# %% which photos look alike?
cosines = X.similarity(X)
np.fill_diagonal(cosines, -1)
for i in np.argsort(-cosines.max(axis=1))[:6:2]:
    j = int(cosines[i].argmax())
    print(f"{cosines[i, j]:.3f}  {X.ids[i]}  {X.ids[j]}")

# %% photos that a sentence describes
for text in ("a cat", "a cup of coffee", "a rocket launch"):
    nearest = int(client.embed(texts=text).similarity(X).argmax())
    print(f"{text}: {X.ids[nearest]}")

# %% labels of your own, with a way out
labels = ["a cat", "a cup of coffee", "a rocket launch", "a motorcycle"]
P = client.zero_shot(images=photos, labels=labels, none_of_these="something else")
print(P)
print(P.to_pandas().round(3).to_string(max_rows=12))

# %% what could not be used, and what to cite
print(P.errors)
print(P.receipt.model, P.receipt.revision, P.receipt.fingerprint)
