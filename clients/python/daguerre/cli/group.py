"""The command `daguerre` itself: its options, its exit codes, and what becomes of errors."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from daguerre import Client, __version__
from daguerre.errors import (
    APIError,
    ConnectError,
    DaguerreError,
    DaguerreWarning,
    FingerprintMismatchError,
    IncompatibleServerError,
    UnavailableError,
)

SOME_FAILED, UNREACHABLE, REFUSED, MISMATCH, INTERRUPTED = 3, 4, 5, 6, 130
EXIT = """\b
Exit codes:
  0    all is well
  1    a defect of this program
  2    wrong usage, or a file that is not there
  3    done, but some items could not be used
  4    the server cannot be reached, is not ready, or is none that is known here
  5    the server refused
  6    vectors of two fingerprints would be mixed
  130  interrupted
"""


class _Group(click.Group):
    """Commands whose foreseeable failures are a line on stderr and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except FingerprintMismatchError as exc:
            _stop(exc, MISMATCH)
        except (ConnectError, UnavailableError, IncompatibleServerError) as exc:
            _stop(exc, UNREACHABLE)
        except APIError as exc:
            _stop(exc, REFUSED)
        except BrokenPipeError:
            raise  # `daguerre models | head`: click ends quietly
        except (DaguerreError, OSError, ValueError, ModuleNotFoundError) as exc:
            _stop(exc, 2)
        except KeyboardInterrupt:
            click.echo("interrupted; what lies in a folder .parts or .videos is kept, run it again to go on", err=True)
            sys.exit(INTERRUPTED)


def _stop(exc: Exception, code: int) -> None:
    click.echo(f"daguerre: {exc}", err=True)
    sys.exit(code)


@click.group(cls=_Group, epilog=EXIT, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--url", envvar="DAGUERRE_URL", help="http://, https://, grpc:// or grpcs://; this machine's by default.")
@click.option(
    "--api-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the API key; or set DAGUERRE_API_KEY.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, and no summary.")
@click.pass_context
def main(context: click.Context, url: str | None, api_key_file: Path | None, quiet: bool) -> None:
    """Images as data: embeddings and labels from a Daguerre service."""
    warnings.simplefilter("ignore", DaguerreWarning)  # the summary says it
    context.obj = Settings(url, api_key_file, quiet)


class Settings:
    """What the options before a command say."""

    def __init__(self, url: str | None, api_key_file: Path | None, quiet: bool) -> None:
        self._url = url
        self._key_file = api_key_file
        self.quiet = quiet

    @contextmanager
    def client(self, *, model: str | None = None, timeout: float = 300.0, retry_for: float = 60.0) -> Iterator[Client]:
        """A client of the server that was named."""
        key = None
        if self._key_file is not None:
            lines = [line.partition("#")[0].strip() for line in self._key_file.read_text().splitlines()]
            key = next((line for line in lines if line), None)
            if key is None:
                raise ValueError(f"--api-key-file: {self._key_file} holds no key")
        progress = False if self.quiet else None
        with Client(
            self._url, api_key=key, model=model, timeout=timeout, retry_for=retry_for, progress=progress
        ) as client:
            yield client

    def say(self, text: str) -> None:
        """Tell people, on stderr."""
        if not self.quiet:
            click.echo(text, err=True)
