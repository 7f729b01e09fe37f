"""Messages in the words of the command line."""

import re

import pytest
from click.testing import CliRunner

from daguerre.cli import main
from daguerre.cli.wording import for_command


@pytest.mark.parametrize(
    ("command", "text", "words"),
    [
        ("train", 'task: got numbers; set task="continuous", or', "--task: got numbers; set --task continuous, or"),
        ("train", "set `missing` to the texts", "set --missing to the texts"),
        ("train", "labels: 'x' appears twice", "--label: 'x' appears twice"),
        ("cluster", "try a smaller step or k_rule best.", "try a smaller step or --k-rule best."),
        ("cluster", "raise k_max, or sample_size if", "raise --k-max, or --sample-size if"),
        ("cluster", "not more than stop_size 20, at", "not more than --stop-size 20, at"),
        ("cluster", 'give images=, or pictures="none"', "give --root, or --pictures none"),
        ("cluster", "images: no image is in 'photos/'", "images: no image is in 'photos/'"),
        ("cluster", "there is no 'k_max/a.png'", "there is no 'k_max/a.png'"),
        ("embed", "give another address: url=, DAGUERRE_URL", "give another address: --url, DAGUERRE_URL"),
        ("predict", "texts: s1@1 is a classifier of images", "--texts: s1@1 is a classifier of images"),
    ],
)
def test_arguments_and_fields_have_the_names_of_options(command: str, text: str, words: str):
    assert for_command(text, [main.commands[command], main]) == words


def test_without_a_command_a_message_stays():
    assert for_command('set task="continuous"', []) == 'set task="continuous"'


def test_a_report_is_not_written_over_the_table(tmp_path):
    runner = CliRunner()
    both = str(tmp_path / "same.html")
    for arguments, message in (
        (["--out", both, "--report", both], "is the file of --out too"),
        (["--out", str(tmp_path / "a.csv"), "--report", str(tmp_path / "a.csv")], "is the file of --out too"),
        (["--out", "-", "--report", str(tmp_path / "a.csv")], r"--report: .*a.csv ends in .csv; use .html"),
        (["--out", "-", "--report", str(tmp_path / "nowhere" / "a.html")], "--report: there is no folder"),
    ):
        done = runner.invoke(main, ["cluster", str(tmp_path), *arguments])
        assert done.exit_code == 2
        assert re.search(message, done.output.replace("\n", " ")), done.output
