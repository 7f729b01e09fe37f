"""The service: transports, pipelines, inference and BentoML's wiring; no numerics."""

import os

__version__ = "0.1.0"

os.environ["BENTOML_DO_NOT_TRACK"] = "True"  # no telemetry, however the service is started
