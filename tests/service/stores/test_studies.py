"""Studies of one home: made, deleted and listed by several threads and servers at once."""

import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from service.errors import BadRequest, Conflict, NotFound
from service.settings import Settings
from service.stores.studies import Studies, Study


def test_studies_made_and_deleted_at_once_are_there_whole_or_not_at_all(tmp_path: Path):
    """Two servers of a home, four threads each; every answer is a study, a conflict, or that there is none."""
    servers = [Studies(Settings(home=tmp_path)) for _ in range(2)]
    counts: Counter[str] = Counter()
    unexpected: list[BaseException] = []

    def work(seed: int) -> None:
        rng, studies = random.Random(seed), servers[seed % 2]
        for _ in range(30):
            try:
                chance = rng.random()
                if chance < 0.4:
                    studies.create("posts", None, title="", folder=None)
                    counts["made"] += 1
                elif chance < 0.6:
                    study = studies.get("posts", None)
                    for _ in range(3):
                        with study.database.reading() as db:
                            db.execute("SELECT count(*) FROM items").fetchone()
                    counts["read"] += 1
                else:
                    studies.delete(studies.get("posts", None))
                    counts["deleted"] += 1
            except (Conflict, NotFound):
                counts["refused"] += 1
            except BaseException as exc:
                unexpected.append(exc)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for studies in servers:
        studies.close()
    assert not unexpected, unexpected
    assert counts["made"] >= counts["deleted"] - 3 > 0  # two threads may delete the same one
    assert counts["read"]


def test_a_query_of_a_study_that_was_deleted_says_so(tmp_path: Path):
    studies = Studies(Settings(home=tmp_path))
    study = studies.create("posts", None, title="", folder=None)
    _ask(study, "SELECT count(*) FROM items")
    Studies(Settings(home=tmp_path)).delete(study)
    for query in ("SELECT count(*) FROM items", "DELETE FROM items"):
        with pytest.raises(NotFound, match="deleted by another request"):
            _ask(study, query)
    studies.close()


def test_a_page_of_the_list_opens_its_own_studies_alone(tmp_path: Path):
    studies = Studies(Settings(home=tmp_path))
    for i in range(5):
        studies.create(f"ann-{i}", "ann", title="", folder=None)
        studies.create(f"ben-{i}", "ben", title="", folder=None)
    studies.close()
    page, cursor = studies.list("ann", limit=2, cursor=None)
    assert [study.name for study in page] == ["ann-4", "ann-3"]
    assert sorted(studies._open) == sorted(study.id for study in page)
    rest, end = studies.list("ann", limit=3, cursor=cursor)
    assert [study.name for study in rest] == ["ann-2", "ann-1", "ann-0"]
    assert end is None
    with pytest.raises(BadRequest, match="cursor"):
        studies.list("ben", limit=2, cursor=cursor)
    studies.close()


def _ask(study: Study, query: str) -> None:
    with study.database.writing() as db:
        db.execute(query)
