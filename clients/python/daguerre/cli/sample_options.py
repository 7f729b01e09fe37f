"""Options of the size of a sample."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from daguerre.cli.options import option, options


def sample_precision(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that replace the size of a sample; the command gets them as `precision`."""

    @wraps(function)
    def checked(
        *args: Any, for_width: float | None, expected_share: float | None, classifier: str | None, **given: Any
    ) -> Any:
        if (given.get("size") is None) == (for_width is None):
            raise click.UsageError("give either --size or --for-width")
        if for_width is None and (expected_share is not None or classifier is not None):
            raise click.UsageError("--expected-share and --classifier need --for-width")
        precision = {"for_width": for_width, "expected_share": expected_share, "classifier": classifier}
        return function(*args, precision=precision if for_width is not None else {}, **given)

    return options(
        option(
            "--for-width",
            type=click.FloatRange(0, min_open=True),
            help="Draw as many items as a 95 % interval of this width needs: 0.03 is a share plus or minus 0.015.",
        ),
        option(
            "--expected-share",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            show_default="0.5, the worst case",
            help="Expected share of the class, for --for-width.",
        ),
        option(
            "--classifier",
            metavar="NAME",
            help="Classifier that will correct the share, whose report gives the errors for --for-width.",
        ),
    )(checked)
