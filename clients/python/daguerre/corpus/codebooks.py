"""Codebooks as files: YAML or JSON, to a mapping and back."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daguerre.storage.whole import whole_file

YAML = (".yaml", ".yml")
Codebook = Any  # a path, or a mapping


def read_codebook(given: Codebook) -> dict[str, Any]:
    """A codebook of a .yaml or .json file, or of a mapping.

    YAML is read as data alone. Unquoted yes and no, which YAML reads as true and false, are the texts that they were
    where a category is named so.

    Raises
    ------
    ValueError : no such file, a file of another kind, or one that holds no mapping.
    ModuleNotFoundError : PyYAML is missing.
    """
    if isinstance(given, Mapping):
        return dict(given)
    path = Path(os.fspath(given))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is no text in UTF-8"
        raise ValueError(f"codebook: {str(given)!r} cannot be read ({reason}); give a .yaml or .json file") from exc
    if path.suffix.lower() == ".json":
        try:
            content = json.loads(text)
        except ValueError as exc:
            raise ValueError(f"{path}: is no JSON that can be read ({exc})") from exc
    elif path.suffix.lower() in YAML:
        yaml = _yaml()
        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as exc:
            raise ValueError(f"{path}: is no YAML that can be read ({exc})") from exc
    else:
        raise ValueError(f"{path}: a codebook is a .yaml or .json file")
    if not isinstance(content, dict):
        raise ValueError(f"{path}: holds no codebook; write its variables below `variables:`")
    for variable in content.get("variables") or ():
        for category in (variable.get("categories") or ()) if isinstance(variable, dict) else ():
            if isinstance(category, dict) and isinstance(category.get("name"), bool):
                category["name"] = "yes" if category["name"] else "no"
    return content


def write_codebook(codebook: Mapping[str, Any], path: "str | os.PathLike[str]") -> None:
    """Write a codebook as .yaml or .json. Raises ValueError for another ending, ModuleNotFoundError without PyYAML."""
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        text = json.dumps(codebook, ensure_ascii=False, indent=2) + "\n"
    elif suffix in YAML:
        text = _yaml().safe_dump(dict(codebook), allow_unicode=True, sort_keys=False, width=100)
    else:
        raise ValueError(f"{path}: a codebook is a .yaml or .json file")
    with whole_file(os.fspath(path)) as part:
        Path(part).write_text(text, encoding="utf-8")


def without_defaults(codebook: Mapping[str, Any]) -> dict[str, Any]:
    """A codebook without the fields that are left at their defaults, for people to read."""

    def shortened(fields: Mapping[str, Any]) -> dict[str, Any]:
        kept = {k: v for k, v in fields.items() if v not in (None, "", [], False) or k == "cannot_tell"}
        if kept.get("cannot_tell") is True:
            del kept["cannot_tell"]
        if fields.get("required") is False:
            kept["required"] = False
        if "low" in fields and fields["low"] is not None:  # 0 is no default
            kept |= {"low": fields["low"], "high": fields["high"]}
        if "categories" in kept:
            kept["categories"] = [shortened(each) for each in kept["categories"]]
        return {k: kept[k] for k in fields if k in kept}

    about = {k: v for k, v in codebook.items() if k != "variables" and v}
    return {**about, "variables": [shortened(each) for each in codebook["variables"]]}


def _yaml() -> Any:
    try:
        import yaml
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError("codebooks in YAML need PyYAML; pip install 'daguerre[yaml]', or use .json") from exc
    return yaml
