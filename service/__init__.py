"""The service: transports, pipelines and BentoML's wiring. `service:Daguerre` is what BentoML serves; no numerics."""

import os

__version__ = "0.1.0"

os.environ["BENTOML_DO_NOT_TRACK"] = "True"  # no telemetry, however the service is started


def __getattr__(name: str) -> object:
    """`service:Daguerre` on demand: tests and tools import rooms of this package without a BentoML service."""
    if name == "Daguerre":
        from service.app import Daguerre

        return Daguerre
    raise AttributeError(name)
