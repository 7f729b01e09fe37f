"""Messages of the SDK and of the server in the words of the command line: options in place of arguments and fields."""

import re
from collections.abc import Iterator, Sequence

import click

WORDS = {"labels": "label", "images": "root"}  # arguments whose options have other names, where a command has these


def for_command(text: str, commands: Sequence[click.Command]) -> str:
    """A message in which arguments of Python and fields of requests have the names of the commands' options."""
    options = {name: flag for command in reversed(commands) for name, flag in _options(command)}
    options |= {name: options[word] for name, word in WORDS.items() if word in options}
    for name, flag in options.items():
        text = re.sub(rf"\b{name}=([\"'])([^\"']*)\1", rf"{flag} \2", text)  # task="continuous"
        text = re.sub(rf"\b{name}=(?=[\s,;)]|$)", flag, text)  # images=
        text = text.replace(f"`{name}`", flag)
        if name != "images":
            text = re.sub(rf"^{name}(?=: )", flag, text)
        if "_" in name:
            text = re.sub(rf"(?<![\w./'\"-]){name}(?![\w.'\"=])", flag, text)  # k_rule best
    return text


def _options(command: click.Command) -> Iterator[tuple[str, str]]:
    """The options of a command, by the names of their arguments and by their own."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name:
            flag = next((each for each in parameter.opts if each.startswith("--")), parameter.opts[0])
            yield flag.removeprefix("--").replace("-", "_"), flag
            yield parameter.name, flag
