"""Write the OpenAPI document of the service, from which the types of the workbench are made.

python -m scripts.openapi PATH
"""

import json
import sys
from pathlib import Path

from service.api.http.app import create
from service.api.http.openapi import document
from service.context import Context
from service.settings import Settings


def main(path: str) -> None:
    """Write the document to `path`."""

    def no_engine() -> None:
        raise RuntimeError("no request is served here")

    app = create(Context.of(Settings(), no_engine))  # type: ignore[arg-type]
    Path(path).write_text(json.dumps(document(app)))


if __name__ == "__main__":
    main(sys.argv[1])
