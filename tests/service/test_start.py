"""Checks before a server starts: analysers whose weights are missing."""

import pytest

from models.analysers import folder
from models.analysers.table import ANALYSERS
from models.errors import ModelUnavailable
from service.__main__ import usable_analysers
from service.inference.switches import SWITCHES
from service.settings import Settings


@pytest.fixture
def without_text(monkeypatch):
    """No package with the weights of the analyser of text, as where requirements-weights.txt was not installed."""

    def locate(name, home):
        if name == "text":
            raise ModelUnavailable("weights package rapidocr is not installed")

    monkeypatch.setattr(folder, "locate", locate)


def test_an_analyser_without_weights_is_left_out_where_nobody_asked_for_it(without_text, tmp_path, capsys):
    assert usable_analysers(Settings(home=tmp_path)) == [
        name for name, spec in ANALYSERS.items() if name != "text" and spec.kind not in SWITCHES
    ]
    assert "analyser text is left out: weights package rapidocr is not installed" in capsys.readouterr().out


def test_an_analyser_that_is_named_must_be_there(without_text, tmp_path):
    with pytest.raises(ModelUnavailable, match="rapidocr"):
        usable_analysers(Settings(home=tmp_path, analysers="objects,text"))
    assert usable_analysers(Settings(home=tmp_path, analysers="none")) == []
