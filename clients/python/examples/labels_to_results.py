"""From a folder of pictures to a share, a difference and a regression that hold whatever the labellers get wrong.

python clients/python/examples/labels_to_results.py stamps/ results/ 120

It follows the protocol of docs/estimates.md: the sample to code is drawn at random with known probabilities before
anything is estimated, one labeller is named beforehand (MAIN), and every number is corrected by the codes. It ends
with the number of pictures to code for intervals of the width that is wanted. The folder is that of Debian's
tuxpaint-stamps-default, which has animals in animals/; any folders of pictures with animals/ beside others will do. The
codes of two coders, who err in 4 and 7 of 100, and of an adjudicator (1 of 100), are made from the names of the folders
here (code_stamps.py); people write them in a study. Errors that both coders make stay in the codes.
"""

# %% the study, before any result is seen: what is compared, by which labeller, how exactly
import sys
from pathlib import Path

import pandas as pd
from code_stamps import fill_in

from daguerre import Client, Embeddings

pictures, results = Path(sys.argv[1]), Path(sys.argv[2])
size = int(sys.argv[3]) if len(sys.argv) > 3 else 120  # pictures to code
MAIN = "classifier"  # the labeller that is reported, or "mean of prompts"; the others stand beside it
PROMPTS = (("a thing", "an animal"), ("an object, a plant or a place", "a bird, fish, insect or mammal"))
WIDTH = 0.12  # of the interval of the share: plus or minus 6 percentage points
results.mkdir(parents=True, exist_ok=True)
client = Client()

# %% the corpus, without duplicates: a copy would count twice, and could be trained on and tested
client.embed_corpus(pictures, results / "corpus.parquet")
X = Embeddings.read_parquet(results / "corpus.parquet")
D = client.duplicates(images=pictures)
D.report(results / "duplicates.html", images=pictures)
kept = X.select(D.kept_ids)
print(f"{len(X.ids)} pictures, {len(kept.ids)} without their copies")

# %% what is known of every picture without coding: colourfulness, and brightness in standard deviations
measured = client.visual_features(pictures).values
corpus = pd.DataFrame({"id": list(kept.ids)}).join(measured[["colourfulness", "brightness"]], on="id")
corpus["colours"] = (corpus.colourfulness > corpus.colourfulness.median()).map({True: "colourful", False: "dull"})
corpus["brightness"] = (corpus.brightness - corpus.brightness.mean()) / corpus.brightness.std()

# %% zero-shot labels by several prompts, and their mean
scores = []
for i, (thing, animal) in enumerate(PROMPTS):
    Z = client.zero_shot(embeddings=kept, labels=[thing, animal])
    scores.append(Z.to_pandas()[animal].to_numpy())
    corpus[f"prompt {i + 1}"] = scores[-1]
corpus["mean of prompts"] = sum(scores) / len(scores)

# %% a sample with known probabilities: as many pictures of one group that is compared as of the other
S = client.sample(size, strata=corpus.colours.tolist(), ids=corpus.id.tolist(), allocation="equal")
S.save(results / "sample.csv", coders=["anna", "ben"])
fill_in(results / "sample.csv", {"anna": 0.04, "ben": 0.07})  # people do this

# %% agreement, and a third coder for the pictures on which the two differ
A = client.agreement(results / "sample.csv")
print(A)
A.report(results / "agreement.html", images=pictures)
A.save_differ(results / "differ.csv")
fill_in(results / "differ.csv", {"adjudicator": 0.01}, seed=1)  # and this
codes = {"table": results / "sample.csv", "adjudicator": str(results / "differ.csv")}

# %% a classifier that is trained on the same codes: coded pictures count with their out-of-fold predictions
clf = client.train_classifier("animal", embeddings=X, groups=D, **codes)
P = clf.predict(embeddings=kept)
clf.save_report(results / "classifier.html", images=pictures)

# %% the share of animals, the difference of colourful and dull pictures, and a regression, corrected
labellers = {name: {"an animal": name} for name in ("mean of prompts", "prompt 1", "prompt 2")}
E = client.estimate(
    corpus,
    codes["table"],
    adjudicator=codes["adjudicator"],
    predictions={"classifier": (clf, P), **labellers},
    positive="an animal",
    stratum="colours",
    by="colours",
    covariates=["brightness", "colours"],
    width=WIDTH,
)
print(E)
E.report(results / "estimates.html")
for of in ("estimates", "differences", "regression", "needed"):
    E.to_pandas(of).to_csv(results / f"{of}.csv", index=False)

# %% power: the number of pictures to code beside those that are coded
need = next(each["needed"] for each in E.answer["estimates"] if each["predictions"] == MAIN)
for name, items in (("with predictions", need["items"]), ("by codes alone", need["items_classical"])):
    words = "more than the corpus has" if items is None else f"{max(0, items - E.n_coded)} more pictures"
    print(f"an interval of width {WIDTH:g} {name}: code {words}")
# With DAGUERRE_STUDY=results/ in the environment, `daguerre bundle results/ -o study.zip` has all of this for others.
