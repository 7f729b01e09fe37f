"""The command `daguerre` itself: its options, its exit codes, and its handling of errors."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click

from daguerre import Client, __version__
from daguerre.cli.options import option
from daguerre.cli.wording import for_command
from daguerre.errors import (
    APIError,
    ConnectError,
    DaguerreError,
    DaguerreWarning,
    FingerprintMismatchError,
    IncompatibleServerError,
    RemarkWarning,
    UnavailableError,
)
from daguerre.replication.recording import VARIABLE
from daguerre.transport.addresses import URL

SOME_FAILED, UNREACHABLE, REFUSED, MISMATCH, DISAGREE, INTERRUPTED = 3, 4, 5, 6, 7, 130
EXIT = """\b
Exit codes:
  0    success
  1    defect of this program
  2    wrong usage, or a file that does not exist
  3    success, but some items could not be used
  4    the server cannot be reached, is not ready, or is not a Daguerre server
  5    the server refused the request
  6    vectors of two fingerprints would be mixed
  7    a study was not replicated: some figures do not agree
  130  interrupted
"""


class _Group(click.Group):
    """Commands that report expected errors as one line on stderr and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except FingerprintMismatchError as exc:
            _stop(exc, MISMATCH, context)
        except (ConnectError, UnavailableError, IncompatibleServerError) as exc:
            _stop(exc, UNREACHABLE, context)
        except APIError as exc:
            _stop(exc, REFUSED, context)
        except BrokenPipeError:
            raise  # `daguerre models | head`: click ends quietly
        except (DaguerreError, OSError, ValueError, ModuleNotFoundError) as exc:
            _stop(exc, 2, context)
        except KeyboardInterrupt:
            click.echo("interrupted; finished work is kept beside the output, run it again to go on", err=True)
            sys.exit(INTERRUPTED)


def _stop(exc: Exception, code: int, context: click.Context) -> None:
    group = context.command
    named = [group.commands.get(context.invoked_subcommand or "")] if isinstance(group, click.Group) else []
    click.echo(f"daguerre: {for_command(str(exc), [*filter(None, named), group])}", err=True)
    sys.exit(code)


@click.group(cls=_Group, epilog=EXIT, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@option(
    "--url",
    "--server",
    multiple=True,
    help="Address of the server: http://, https://, grpc:// or grpcs://. Servers with the same models share the "
    f"work: several options, or commas.  [env var: DAGUERRE_URL; default: {URL}]",
)
@option(
    "--api-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the API key, in place of the environment variable DAGUERRE_API_KEY.",
)
@option(
    "--study",
    type=click.Path(file_okay=False),
    envvar=VARIABLE,
    show_envvar=True,
    help="Folder in which every command records what it does, for `daguerre bundle`.",
)
@option("-q", "--quiet", is_flag=True, help="Print no progress bar and no summary.")
@click.pass_context
def main(
    context: click.Context, url: tuple[str, ...], api_key_file: Path | None, study: str | None, quiet: bool
) -> None:
    """Images, texts and videos as data: embeddings, labels and clusters from a Daguerre service.

    The id of an image is its path relative to the folder that is given. With several sources (folders, files, globs) it
    is relative to their common parent; the id of a single file is its name. So the tables of all commands join.
    """
    context.obj = Settings(list(url) or None, api_key_file, quiet, study)
    context.with_resource(_remarks_printed(context.obj))


@contextmanager
def _remarks_printed(settings: "Settings") -> Iterator[None]:
    """Print remarks as lines for people. Other warnings of the SDK are left out: the summary has them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DaguerreWarning)
        warnings.simplefilter("always", RemarkWarning)
        show, printed = warnings.showwarning, set[str]()

        def notify(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, RemarkWarning):
                text = message.for_command if isinstance(message, RemarkWarning) else str(message)
                if text not in printed:  # as for each of several videos
                    printed.add(text)
                    settings.notify(text)
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = notify
        yield


class Settings:
    """The options before a command."""

    def __init__(self, url: list[str] | None, api_key_file: Path | None, quiet: bool, study: str | None = None) -> None:
        self._url = url
        self._study = study
        self._key_file = api_key_file
        self.quiet = quiet

    @contextmanager
    def client(
        self, *, model: str | None = None, timeout: float = 300.0, retry_for: float | None = None
    ) -> Iterator[Client]:
        """Open a client of the servers at --url; at its end it is said how many items each of several did."""
        key = None
        if self._key_file is not None:
            lines = [line.partition("#")[0].strip() for line in self._key_file.read_text().splitlines()]
            key = next((line for line in lines if line), None)
            if key is None:
                raise ValueError(f"--api-key-file: {self._key_file} has no key; write it on a line of its own")
        progress = False if self.quiet else None
        with Client(
            self._url,
            api_key=key,
            model=model,
            timeout=timeout,
            retry_for=retry_for,
            progress=progress,
            study=self._study,
        ) as client:
            try:
                yield client
            finally:  # a command that ends with a status of its own leaves by an exception
                if served := client.asynchronous.transport.served:
                    self.notify("items by server: " + ", ".join(f"{url} {n:,}" for url, n in sorted(served.items())))

    def notify(self, text: str) -> None:
        """Print a line for people, on stderr."""
        if not self.quiet:
            context = click.get_current_context(silent=True)
            click.echo(
                for_command(text, [] if context is None else [context.command, context.find_root().command]), err=True
            )
