"""Where fine-tuning may start: the embedded network, an imported model's source, a folder below the server's own."""

import json

import pytest

from models.catalog.folder import MANIFEST
from service.errors import Unprocessable
from service.tasks.fine_tune import start_of


@pytest.fixture
def place(tmp_path):
    data, home, source = tmp_path / "data", tmp_path / "home", tmp_path / "elsewhere"
    for folder in (data / "network", home / "models" / "vit-1", home / "sources", source):
        folder.mkdir(parents=True)
    (home / "models" / "vit-1" / MANIFEST).write_text(json.dumps({"spec": {"name": "vit"}}))
    (home / "sources" / "vit").symlink_to(source)
    (home / "sources" / "left-over").symlink_to(source)
    return data, home


def test_the_embedded_network_needs_no_folder(tmp_path):
    assert start_of(None, tmp_path, "embedded") == "embedded"


def test_an_imported_model_is_found_by_its_name(place):
    data, home = place
    assert start_of(data, home, "vit") == str(home / "sources" / "vit")


def test_a_folder_is_looked_for_below_the_servers_own(place):
    data, home = place
    assert start_of(data, home, "network") == str(data / "network")


@pytest.mark.parametrize("start", ["left-over", "../home/sources/vit", "no-such", ".."])
def test_nothing_else_can_be_reached(place, start):
    with pytest.raises(Unprocessable, match="start: there is no"):
        start_of(*place, start)
