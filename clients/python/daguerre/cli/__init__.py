"""The command line `daguerre`, with a function for each command. Results go to files or stdout, messages to stderr."""

from daguerre.cli.commands.analyse import analyse
from daguerre.cli.commands.annotation import agreement, compare, pairs, sample
from daguerre.cli.commands.blur import blur
from daguerre.cli.commands.captions import caption
from daguerre.cli.commands.classifiers import fine_tune, predict, train
from daguerre.cli.commands.clusters import cluster, duplicates
from daguerre.cli.commands.coders import coder_groups, reconcile
from daguerre.cli.commands.collections import collection
from daguerre.cli.commands.corpus import corpus
from daguerre.cli.commands.embed import embed, to_folder
from daguerre.cli.commands.estimates import estimate
from daguerre.cli.commands.evaluations import evaluate
from daguerre.cli.commands.export import export
from daguerre.cli.commands.face_attributes import face_attributes
from daguerre.cli.commands.face_comparison import face_matches, persons, verify_faces
from daguerre.cli.commands.face_vectors import face_vectors
from daguerre.cli.commands.faces import faces
from daguerre.cli.commands.jobs import jobs
from daguerre.cli.commands.labels import label, label_report, labellers, position_bias
from daguerre.cli.commands.multiverses import multiverse
from daguerre.cli.commands.replication import bundle, replicate
from daguerre.cli.commands.representations import representations
from daguerre.cli.commands.scales import comparisons, scale
from daguerre.cli.commands.search import search
from daguerre.cli.commands.server import models, ping
from daguerre.cli.commands.stored_classifiers import classifiers
from daguerre.cli.commands.studies import study
from daguerre.cli.commands.study_analyses import COMMANDS as STUDY_ANALYSES
from daguerre.cli.commands.study_data import COMMANDS as STUDY_DATA
from daguerre.cli.commands.validations import validate
from daguerre.cli.commands.zero_shot import zero_shot
from daguerre.cli.group import DISAGREE, INTERRUPTED, MISMATCH, REFUSED, SOME_FAILED, UNREACHABLE, main

__all__ = ["DISAGREE", "INTERRUPTED", "MISMATCH", "REFUSED", "SOME_FAILED", "UNREACHABLE", "main"]

for command in (
    *(
        embed,
        corpus,
        zero_shot,
        analyse,
        caption,
        faces,
        face_attributes,
        face_vectors,
        face_matches,
        persons,
        verify_faces,
        blur,
        cluster,
        duplicates,
        search,
        sample,
        pairs,
        agreement,
    ),
    *(compare, coder_groups, reconcile, comparisons, scale, representations, validate, evaluate, estimate, multiverse),
    *(label, labellers, label_report, position_bias, to_folder, export, bundle, replicate, collection, study),
    *(train, predict, fine_tune, classifiers, jobs, models, ping),
):
    main.add_command(command)
for command in (*STUDY_DATA, *STUDY_ANALYSES):
    study.add_command(command)
