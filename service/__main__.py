"""`python -m service`: check the settings, prepare the models, and hand over to `bentoml serve`."""

import argparse
import errno
import gc
import os
import socket
import sys
import tempfile
from pathlib import Path

from models.analysers import folder as analysers
from models.analysers.table import ANALYSERS
from models.catalog.folder import locate, model_path
from models.catalog.rows import CATALOG
from models.errors import ModelsError
from service.auth import require_keys
from service.errors import ServiceError
from service.inference.devices import devices, gpu_jpegs, holders, memory_limits
from service.inference.labellers import RemoteLabeller, read_labellers
from service.inference.local_models import require_models
from service.inference.sessions import Served, open_sessions
from service.inference.switches import SWITCHES, is_on
from service.jobs import Jobs
from service.settings import Settings, read
from service.stores.home import make_private

ROOM = 2**20  # bytes that the home must take at the start
FOLDERS = ("classifiers", "files", "jobs", "labels", "studies")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/serve",
        description="Start Daguerre. With --light as the first argument, scripts/serve installs no torch.",
        formatter_class=argparse.RawTextHelpFormatter,
        epilog="Settings (docs/settings.md has the reasons):\n" + setting_lines(),
    )
    parser.add_argument("--host", help="address to listen on (DAGUERRE_HOST)")
    parser.add_argument("--port", help="port of HTTP (DAGUERRE_PORT)")
    parser.add_argument("--grpc-port", help="port of gRPC, 0 for none (DAGUERRE_GRPC_PORT)")
    parser.add_argument("--insecure", action="store_true", help="serve other machines without an API key")
    options = parser.parse_args()
    for name in ("host", "port", "grpc_port"):
        if getattr(options, name):
            os.environ[f"DAGUERRE_{name.upper()}"] = getattr(options, name)
    if options.insecure:
        os.environ["DAGUERRE_INSECURE"] = "true"
    gc.disable()  # while modules are imported, which takes a tenth longer with it; service/app.py enables it
    make_private()
    try:
        settings = read()
        preflight(settings)
    except (ValueError, OSError, ServiceError, ModelsError) as exc:
        sys.exit(f"daguerre cannot start: {exc}")
    except KeyboardInterrupt:
        sys.exit(130)
    # BentoML keeps the metrics of a server's processes here and empties the folder at the start: one per server
    os.environ.setdefault("BENTOML_HOME", str(settings.home / "bentoml" / f"{settings.host}-{settings.port}"))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"daguerre: http://{host}:{settings.port}/docs", flush=True)
    if settings.grpc_address:
        print(f"daguerre: grpc://{host}:{settings.grpc_address}", flush=True)
    arguments = ["--host", settings.host, "--port", str(settings.port)]
    arguments += ["--working-dir", str(Path(__file__).parents[1])]
    arguments += ["--timeout-keep-alive", "75", "--timeout-graceful-shutdown", "30"]
    supervise(["serve", "service.app:Daguerre", *arguments])


def supervise(arguments: list[str]) -> None:
    """Become `bentoml serve`, in this process, which has imported much of the service for its checks.

    A process that may hold the memory of a GPU is replaced; the command of BentoML that lists all its commands is not
    imported, since that takes a quarter of a second.
    """
    if os.environ["DAGUERRE_DEVICE"] != "cpu":
        os.execv(sys.executable, [sys.executable, "-m", "bentoml", *arguments])
    import bentoml  # reads BENTOML_HOME, which has just been set
    from bentoml_cli.serve import serve_command

    bentoml.server_context.service_type = "cli"  # in lines of the log, as by the command
    serve_command.main(arguments, prog_name="bentoml")


def preflight(settings: Settings) -> None:
    """Check in advance that keys are set, and that ports, models and devices can be used."""
    require_keys(settings)
    require_free_port(settings)
    require_home(settings)
    labellers = read_labellers(settings)
    for labeller in labellers.values():
        does = f"sends items to {labeller.host}" if isinstance(labeller, RemoteLabeller) else f"is {labeller.model}"
        print(f"daguerre: labeller {labeller.name} {does}", flush=True)
    named = devices(settings)
    gpu_jpegs(settings)
    for entry in settings.models:
        missing = entry in CATALOG and not model_path(CATALOG[entry], settings.home).exists()
        print(f"daguerre: model {entry}{', which is exported once (half a minute)' if missing else ''}", flush=True)
    folders = [locate(entry, settings.home) for entry in settings.models]
    usable = usable_analysers(settings)
    require_models(labellers, [analysers.locate(name, settings.home).spec for name in usable])
    os.environ["DAGUERRE_ANALYSERS"] = ",".join(usable) or "none"  # the same in all processes
    held = holders(settings, named, folders)
    for device in named:
        if device != "cpu":
            on_device = [folder for folder in folders if device in held[folder.spec.name]]
            memory_limits(settings, on_device)
            open_sessions(Served(on_device[:1]), settings, device)
    os.environ["DAGUERRE_DEVICE"] = ",".join(named)  # the devices of "auto", for all processes


def usable_analysers(settings: Settings) -> list[str]:
    """Make analysers that are not there yet. One that is switched off is left out.

    So is one whose weights are missing, unless the settings name it or switch it on: then ModelsError is raised.
    """
    usable = []
    for name in settings.analysers:
        kind = ANALYSERS[name].kind if name in ANALYSERS else None
        if kind is not None and not is_on(settings, kind):
            continue
        if name in ANALYSERS and not analysers.analyser_path(ANALYSERS[name], settings.home).exists():
            print(f"daguerre: analyser {name}, which is made once", flush=True)
        try:
            folder = analysers.locate(name, settings.home)
            if kind is not None or is_on(settings, folder.spec.kind):  # that of a built-in one is on
                usable.append(name)
        except ModelsError as exc:
            if "analysers" in settings.model_fields_set or kind in SWITCHES:
                raise
            print(f"daguerre: analyser {name} is left out: {exc}", flush=True)
    return usable


def require_home(settings: Settings) -> None:
    """Raise OSError or Unavailable if the state cannot be read and written. BentoML would start the service forever."""
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home, prefix=".start-") as probe:
            probe.write(bytes(ROOM))
            probe.flush()
        for folder in FOLDERS:
            (home / folder).mkdir(mode=0o700, exist_ok=True)
            if not os.access(home / folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(home / folder))
        table = Jobs(settings).table
        table.open()
        table.close()
    except OSError as exc:
        raise OSError(
            f"home: {exc.filename or home} cannot be written ({exc.strerror or exc}); make room or give rights there, "
            "or set DAGUERRE_HOME to another folder"
        ) from exc


def require_free_port(settings: Settings) -> None:
    """Raise OSError if gRPC cannot listen. Workers share its port, so the system would not report that."""
    if settings.grpc_address:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, settings.grpc_address))
            except OSError as exc:
                raise OSError(
                    f"grpc_port: {settings.grpc_address} on {settings.host}: {exc.strerror}; "
                    "set DAGUERRE_GRPC_PORT to another port, or to 0 for no gRPC"
                ) from exc


def setting_lines() -> str:
    """One line per setting."""
    return "\n".join(
        f"  DAGUERRE_{name.upper():<18} {field.description or ''}{_default(field.default)}"
        for name, field in Settings.model_fields.items()
    )


def _default(value: object) -> str:
    """The default as it would be written in the environment; nothing where the description says what unset means."""
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    elif isinstance(value, bool):
        value = str(value).lower()
    return "" if value is None or str(value) == "" else f" [default: {value}]"


if __name__ == "__main__":
    main()
