#!/usr/bin/env bash
# A study from a folder of pictures to a corrected share, as commands: study.sh stamps/ results/
# The codes, which people write in a study, are made from the names of the folders here (code_stamps.py).
set -euo pipefail
pictures=$(realpath "$1") results=$2 size=${3:-300} here=$(dirname "$(realpath "$0")")
mkdir -p "$results"
cd "$results"
export DAGUERRE_STUDY=.    # every step is recorded, for the bundle at the end

# The corpus: vectors of every picture, in a file with which an interrupted run goes on
daguerre embed "$pictures" -o corpus.parquet

# Duplicates: look at the page before you leave them out
daguerre duplicates "$pictures" -o duplicates.csv --keep-list kept.txt --report duplicates.html

# Clusters, and a sample to code from each of them, with known probabilities
daguerre cluster corpus.parquet --ids kept.txt -o clusters.csv --root "$pictures" --report clusters.html --tables tables/
daguerre sample clusters.csv --size "$size" --allocation equal --coder anna --coder ben --root "$pictures" -o sample.csv
python "$here/code_stamps.py" sample.csv anna=0.05 ben=0.08    # people do this

# Agreement, and the pictures on which the two differ, which a third person decides
daguerre agreement sample.csv --root "$pictures" --report agreement.html --differ differ.csv
python "$here/code_stamps.py" differ.csv adjudicator=0.02    # and this

# A classifier, trained on the codes as they are: probabilities and groups come with the tables
daguerre train animal sample.csv --adjudicator differ.csv --embeddings corpus.parquet --groups duplicates.csv \
    --report animal.html

# Labels of every picture, and the share of animals, corrected for the classifier's errors
daguerre predict animal corpus.parquet --ids kept.txt -o predictions.csv
daguerre estimate animal corpus.parquet --ids kept.txt --report estimate.html

# Another labeller, validated against the same codes
daguerre zero-shot corpus.parquet --ids kept.txt --label "a thing" --label "an animal" -o zero-shot.csv \
    --root "$pictures" --report zero-shot.html
daguerre validate zero-shot.csv sample.csv --adjudicator differ.csv --classifier animal --root "$pictures" \
    --report validation.html

# Pictures that a sentence describes
daguerre search "a bird" --in corpus.parquet -o found.csv --root "$pictures" --report found.html

# The study for others to run again: settings, seeds, codes, results and hashes of the pictures
daguerre bundle . -o study.zip
