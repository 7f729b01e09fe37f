"""The analyser of text, made once."""

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from models.analysers.spec import Analysis, run
from models.analysers.text import SPEC, Text
from tests.models.analysers.graph_runner import GraphRunner

Reader = Callable[..., Analysis]


@pytest.fixture(scope="session")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("text")
    Text.make(SPEC, folder)
    return folder


@pytest.fixture(scope="session")
def text_graphs(text_folder: Any) -> GraphRunner:
    return GraphRunner(text_folder, SPEC)


@pytest.fixture(scope="session")
def read_text(text_folder: Any, text_graphs: GraphRunner) -> Reader:
    """Read a picture with options."""
    analyser = Text(SPEC, text_folder)

    def reader(image: Image.Image, **options: Any) -> Analysis:
        return run(analyser, image, Text.choices(**options), text_graphs)

    return reader
