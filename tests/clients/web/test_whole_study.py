"""A whole study in the browser: from a folder to codes and a corrected share, by buttons and keys alone."""

import pytest

from bench import workbench


@pytest.mark.thorough
def test_a_folder_becomes_a_corrected_share_without_a_line_of_code(home, browser):
    made, found = workbench.run(browser, 150, 40)
    assert found["low"] <= found["true"] <= found["high"]
    assert found["high"] - found["low"] < 0.4
    assert {"make the study", "adjudicate", "train", "estimate the share"} <= made.seconds.keys()
    print({name: round(seconds, 1) for name, seconds in made.seconds.items()})
