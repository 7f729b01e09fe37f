"""PLACEHOLDER"""

from collections.abc import Mapping

from models.classifiers.report import Report


def page(report: Report, *, name: str, facts: Mapping[str, str], thumbnails: Mapping[str, bytes] | None = None) -> str:
    return f"<!doctype html><title>{name}</title>"
