"""Docker's HEALTHCHECK: 0 where /readyz says 200. Asks this machine only, past any proxy that the environment names."""

import http.client
import os
import sys


def main() -> int:
    port = int(os.environ.get("DAGUERRE_PORT") or 3000)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/readyz")
        return int(connection.getresponse().status != 200)
    except OSError as exc:
        print(f"no answer on port {port}: {exc}", file=sys.stderr)
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
