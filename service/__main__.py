"""`python -m service`: check the settings, prepare the models, and hand over to `bentoml serve`."""

import argparse
import os
import socket
import sys
from pathlib import Path

from pydantic import ValidationError

from models.catalog.folder import locate
from models.errors import ModelsError
from service.auth import refuse_open_door
from service.errors import ServiceError
from service.inference.devices import devices, holders, memory_limits
from service.inference.sessions import open_sessions
from service.settings import Settings, read


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/serve",
        description="Start Daguerre.",
        formatter_class=argparse.RawTextHelpFormatter,
        epilog="Settings (docs/settings.md has the reasons):\n" + described(),
    )
    parser.add_argument("--host", help="address to listen on (DAGUERRE_HOST)")
    parser.add_argument("--port", help="port of HTTP (DAGUERRE_PORT)")
    parser.add_argument("--grpc-port", help="port of gRPC, 0 for none (DAGUERRE_GRPC_PORT)")
    parser.add_argument("--insecure", action="store_true", help="serve beyond this machine without a key")
    given = parser.parse_args()
    for name in ("host", "port", "grpc_port"):
        if getattr(given, name):
            os.environ[f"DAGUERRE_{name.upper()}"] = getattr(given, name)
    if given.insecure:
        os.environ["DAGUERRE_INSECURE"] = "true"
    try:
        settings = read()
        preflight(settings)
    except (ValidationError, ValueError, OSError, ServiceError, ModelsError) as exc:
        sys.exit(f"daguerre cannot start: {exc}")
    # BentoML keeps the counters of a server's processes here, and empties it at the start: one for each server
    os.environ.setdefault("BENTOML_HOME", str(settings.home / "bentoml" / f"{settings.host}-{settings.port}"))
    print(f"daguerre: http://{settings.host}:{settings.port}/docs", flush=True)
    if settings.grpc_address:
        print(f"daguerre: grpc://{settings.host}:{settings.grpc_address}", flush=True)
    arguments = ["--host", settings.host, "--port", str(settings.port)]
    arguments += ["--working-dir", str(Path(__file__).parents[1])]
    arguments += ["--timeout-keep-alive", "75", "--timeout-graceful-shutdown", "30"]
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", "serve", "service.app:Daguerre", *arguments])


def preflight(settings: Settings) -> None:
    """What would fail later, now: an open door, a missing model, a device that cannot be had."""
    refuse_open_door(settings)
    refuse_taken_port(settings)
    there = devices(settings)
    for entry in settings.models:
        print(f"daguerre: model {entry} (exported once, on the first start)", flush=True)
    folders = [locate(entry, settings.home) for entry in settings.models]
    held = holders(settings, there, folders)
    for device in there:
        if device != "cpu":
            mine = [folder for folder in folders if device in held[folder.spec.name]]
            memory_limits(settings, mine)
            open_sessions(mine[:1], settings, device)
    os.environ["DAGUERRE_DEVICE"] = ",".join(there)  # what "auto" found, for all processes


def refuse_taken_port(settings: Settings) -> None:
    """Raise OSError where gRPC cannot listen: several workers share its port, so the system itself would not say."""
    if settings.grpc_address:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, settings.grpc_address))
            except OSError as exc:
                raise OSError(
                    f"grpc_port: {settings.grpc_address} on {settings.host}: {exc.strerror}; "
                    "set DAGUERRE_GRPC_PORT to another one, or to 0 for no gRPC"
                ) from exc


def described() -> str:
    """Every setting, a line each."""
    return "\n".join(
        f"  DAGUERRE_{name.upper():<18} {field.description or ''} [{field.default}]"
        for name, field in Settings.model_fields.items()
    )


if __name__ == "__main__":
    main()
