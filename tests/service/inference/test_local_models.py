"""The models of local labellers: each error says the way to a model that can be used."""

from dataclasses import replace

import pytest

from models.analysers.spec import AnalyserSpec
from models.analysers.table import ANALYSERS
from service.inference.labellers import read_labellers
from service.inference.local_models import require_models
from service.settings import Settings
from tests.label_stub import write_labellers


def chat(name: str, **settings: object) -> AnalyserSpec:
    some = next(iter(ANALYSERS.values()))
    return replace(some, name=name, kind="captions", settings={"decoder": "chat", "chat": 1, **settings})


def labellers(tmp_path, **fields: object):
    path = write_labellers(tmp_path, {"smol": {"kind": "local", "model": "smolvlm", **fields}})
    return read_labellers(Settings(labellers=path))


def test_the_model_is_an_analyser_that_answers_questions(tmp_path):
    found = labellers(tmp_path, max_side=512)
    assert (found["smol"].kind, found["smol"].max_side) == ("local", 512)
    require_models(found, [chat("other"), chat("smolvlm")])
    require_models({}, [])


@pytest.mark.parametrize(
    ("analysers", "message"),
    [
        ([], r"labellers\.smol\.model: got 'smolvlm', .*python -m models import FOLDER --name smolvlm.*none of this"),
        ([chat("qwen")], r"DAGUERRE_ANALYSERS.*those here that can: qwen"),
        ([chat("smolvlm", chat=0), chat("qwen")], r"'smolvlm' answers no questions.*those here that can: qwen"),
        ([chat("smolvlm", decoder="graph")], r"python -m models import FOLDER"),
    ],
)
def test_a_model_that_is_not_there_is_explained(tmp_path, analysers, message):
    with pytest.raises(ValueError, match=message):
        require_models(labellers(tmp_path), analysers)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"address": "http://x/v1"}, r"smol\.address: a labeller of kind local runs on this server"),
        ({"temperature": 1}, r"smol\.temperature: is no field of a labeller of kind local.*max_side"),
        ({"max_side": 3}, r"smol\.max_side: got 3, .*greater than or equal to 64"),
    ],
)
def test_fields_of_other_kinds_are_refused(tmp_path, fields, message):
    with pytest.raises(ValueError, match=message):
        labellers(tmp_path, **fields)
