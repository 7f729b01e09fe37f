"""Debian's Chromium, driven over a pair of pipes by its DevTools protocol, which needs no library."""

import json
import os
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    "--disable-dev-shm-usage",  # tests of shared memory beside it look for what is left there
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # the browser's own protection of local services: others have none, and users can switch it off
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,HttpsUpgrades",
)


class Browser:
    """A browser with one tab. `names` lead to this machine, and no others lead anywhere."""

    def __init__(self, chromium: str, profile: Path, *names: str) -> None:
        here = ", ".join(f"MAP {name} 127.0.0.1" for name in names)
        rules = f"--host-resolver-rules={here}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        command = [chromium, *OPTIONS, rules, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        its_input, ours = os.pipe()
        theirs, its_output = os.pipe()
        shell = f'exec "$@" 3<&{its_input} 4>&{its_output}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command],
            pass_fds=(its_input, its_output),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(its_input)
        os.close(its_output)
        self._write, self._read = os.fdopen(ours, "wb"), os.fdopen(theirs, "rb")
        self._sent = 0
        self._rest = b""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")

    def open(self, url: str) -> None:
        """Open a page, and wait until it has been loaded."""
        answer = self._call("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        self._wait(lambda message: message.get("method") == "Page.loadEventFired")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; that of a promise once it is there."""
        answer = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def leave(self, script: str) -> None:
        """Run a script that opens another page, and wait until that page has been loaded."""
        self._send("Runtime.evaluate", expression=script)
        self._wait(lambda message: message.get("method") == "Page.loadEventFired")

    def screenshot(self) -> bytes:
        """The visible part of the page as a PNG."""
        return b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._write.close()
        self._read.close()

    def _call(self, method: str, **parameters: Any) -> Any:
        self._send(method, **parameters)
        answer = self._wait(lambda message: message.get("id") == self._sent)
        assert "error" not in answer, answer
        return answer["result"]

    def _send(self, method: str, **parameters: Any) -> None:
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        self._write.write(json.dumps(message).encode() + b"\0")
        self._write.flush()

    def _wait(self, fits: Any) -> Any:
        while True:
            while b"\0" not in self._rest:
                part = os.read(self._read.fileno(), 65536)
                assert part, "the browser has ended"
                self._rest += part
            raw, _, self._rest = self._rest.partition(b"\0")
            message = json.loads(raw)
            if fits(message):
                return message
