"""A study from a folder of pictures to a corrected share, cell by cell: run it, or paste it into a notebook.

python study.py stamps/ results/

The folder is that of Debian's tuxpaint-stamps-default, which has animals in animals/. The codes of two coders and of
the adjudicator, which people write in a study, are made from the names of its folders here (code_stamps.py).
"""

# %% a server, and the corpus: vectors of every picture, in a file with which an interrupted run goes on
import sys
from pathlib import Path

from code_stamps import fill_in

from daguerre import Client, Embeddings, bundle

pictures, results = Path(sys.argv[1]), Path(sys.argv[2])
size = int(sys.argv[3]) if len(sys.argv) > 3 else 300
results.mkdir(parents=True, exist_ok=True)
client = Client(study=results)  # every step is recorded, for the bundle at the end
print(client.embed_corpus(pictures, results / "corpus.parquet"))
X = Embeddings.read_parquet(results / "corpus.parquet")

# %% duplicates: look at the page before you leave them out
D = client.duplicates(images=pictures)
D.report(results / "duplicates.html", images=pictures)
kept = X.select(D.kept_ids)

# %% clusters, with all their parameters on a page, whose tables go into a paper
C = client.cluster(embeddings=kept)
C.report(results / "clusters.html", images=pictures, tables=results / "tables")

# %% a sample to code, drawn from each cluster with known probabilities
S = client.sample(size, clusters=C, allocation="equal")
S.save(results / "sample.csv", coders=["anna", "ben"])
fill_in(results / "sample.csv", {"anna": 0.05, "ben": 0.08})  # people do this

# %% agreement, and the pictures on which the two differ, which a third person decides
A = client.agreement(results / "sample.csv")
print(A)
A.report(results / "agreement.html", images=pictures)
A.save_differ(results / "differ.csv")
fill_in(results / "differ.csv", {"adjudicator": 0.02}, seed=1)  # and this
codes = {"table": results / "sample.csv", "adjudicator": str(results / "differ.csv")}

# %% a classifier, trained on the codes as they are: probabilities and groups come with the tables
clf = client.train_classifier("animal", embeddings=X, groups=D, **codes)
print(clf.report)
clf.save_report(results / "animal.html", images=pictures)

# %% labels of every picture, and the share of animals, corrected for the classifier's errors
P = clf.predict(embeddings=kept)
P.to_pandas().to_csv(results / "predictions.csv")
E = clf.estimate(embeddings=kept)
print(E)
E.report(results / "estimate.html")

# %% another labeller, validated against the same codes
Z = client.zero_shot(embeddings=kept, labels=["a thing", "an animal"])
Z.report(results / "zero-shot.html", images=pictures)
V = client.validate({"zero-shot": Z, "classifier": clf}, codes["table"], adjudicator=codes["adjudicator"])
print(V)
V.report(results / "validation.html", images=pictures)

# %% pictures that a sentence describes
N = client.search("a bird", embeddings=kept)
print(N.to_pandas().head())
N.report(results / "found.html", images=pictures)

# %% the study for others to run again: settings, seeds, codes, results and hashes of the pictures
print(bundle(results, results / "study.zip"))
