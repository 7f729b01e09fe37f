"""This SDK's version, and the servers that it works with."""

__version__ = "0.1.0"
OLDEST_SERVER = (0, 1)  # inclusive
FIRST_UNKNOWN_SERVER = (1, 0)  # exclusive: fields are only ever added below it


def check(server: str | None, url: str) -> str:
    """The version that a server says it has. Raises IncompatibleServerError where this SDK cannot work with it."""
    from daguerre.errors import IncompatibleServerError

    if not server:
        raise IncompatibleServerError(
            f"{url} answers, but does not look like a Daguerre server; is it the right address and port?",
            code="not_daguerre",
        )
    parts = server.split(".")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        raise IncompatibleServerError(
            f"{url} says that it is Daguerre {server[:40]!r}, which is no version; upgrade it", code="unknown_version"
        )
    number = int(parts[0]), int(parts[1])
    if number < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise IncompatibleServerError(
            f"{url} is Daguerre {server}; daguerre {__version__} here needs {oldest} or newer: upgrade the server, or "
            f"install the daguerre that belongs to it, pip install 'daguerre=={number[0]}.{number[1]}.*'",
            code="server_too_old",
        )
    if number >= FIRST_UNKNOWN_SERVER:
        raise IncompatibleServerError(
            f"{url} is Daguerre {server}, which daguerre {__version__} does not know; upgrade this package",
            code="server_too_new",
        )
    return server
