"""The command line `daguerre`, a function for each command. Results go to files or stdout, all for people to stderr."""

from daguerre.cli.clustering import cluster, duplicates
from daguerre.cli.corpus import agreement, compare, pairs, sample, search
from daguerre.cli.embedding import embed
from daguerre.cli.group import INTERRUPTED, MISMATCH, REFUSED, SOME_FAILED, UNREACHABLE, main
from daguerre.cli.labelling import zero_shot
from daguerre.cli.server import models, ping
from daguerre.cli.training import classifiers, fine_tune, jobs, predict, train

__all__ = ["INTERRUPTED", "MISMATCH", "REFUSED", "SOME_FAILED", "UNREACHABLE", "main"]

for command in (
    *(embed, zero_shot, cluster, duplicates, search, sample, pairs, agreement, compare),
    *(train, predict, fine_tune, classifiers, jobs, models, ping),
):
    main.add_command(command)
