"""The kinds of job."""

from pathlib import Path

import pytest

from service.jobs.kinds import ENTRY_LANE, LABEL_LANE, LANES, kinds
from service.jobs.kinds import KINDS as REAL
from tests.service.jobs.pretended_kinds import KINDS, WHERE


def test_kinds_are_found_by_name():
    assert kinds(WHERE).keys() == KINDS.keys()
    assert kinds(WHERE)["patient"].function().__name__ == "patient"


@pytest.mark.parametrize("name", REAL)
def test_each_kind_of_the_service_names_a_function_in_a_lane(name):
    if REAL[name].lane in (ENTRY_LANE, LABEL_LANE):  # done by service/api/entry.py's EntryLane
        assert not REAL[name].run
        return
    module, _, function = REAL[name].run.partition(":")
    source = Path(*module.split(".")).with_suffix(".py")
    assert REAL[name].lane in LANES
    assert f"def {function}(context: Context)" in (Path(__file__).parents[3] / source).read_text(encoding="utf-8")
