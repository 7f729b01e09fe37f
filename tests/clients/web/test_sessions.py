"""Who may use the cookies of a browser: the pages of the service, and no other page of the same machine."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.clients.web.conftest import KEY
from tests.e2e.harness import assert_error

ATTACK = """
<script>
  const to = (path, options) => fetch(TARGET + path, {credentials: "include", ...options})
    .then((answer) => answer.type === "opaque" ? "opaque" : "read " + answer.status, () => "blocked");
  const post = {method: "POST", body: '{"name": "taken-over"}'};
  window.attempts = (async () => [
    await to("/v1/studies", {...post, mode: "no-cors"}),
    await to("/v1/studies", {...post, headers: {"daguerre-page": "1", "content-type": "application/json"}}),
    await to("/v1/studies", {method: "DELETE"}),
    await to("/v1/studies"),
    await to("/v1/session", {mode: "no-cors", method: "POST"}),
  ])();
</script>
<form method="post" enctype="text/plain" target="frame">
  <input name='{"name": "taken-over", "title": "' value='"}'>
</form>
<iframe name="frame"></iframe>
"""


@pytest.fixture
def other_site(workbench) -> Iterator[str]:
    """A page of another port of this machine, to which browsers send the same cookies."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = ATTACK.replace("TARGET", f"'{workbench.url}'").encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_page_of_another_port_changes_and_reads_nothing(open_page, owner, workbench, other_site):
    page = open_page()
    page.goto(other_site)
    attempts = page.evaluate("window.attempts")
    assert [each for each in attempts if each.startswith("read")] == []
    page.evaluate(
        """target => { const form = document.forms[0]; form.action = target + "/v1/studies"; form.submit(); }""",
        workbench.url,
    )
    page.wait_for_timeout(300)
    assert owner.get("/v1/studies/taken-over").status_code == 404


def test_the_cookie_works_for_reading_and_with_the_header_for_changes(workbench):
    with workbench.client() as browser:
        begun = browser.post("/v1/session", headers={"authorization": f"Bearer {KEY}"})
        assert begun.json()["keys"] is True
        cookie = begun.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert KEY not in cookie
        assert "Secure" not in cookie
        assert browser.get("/v1/studies").status_code == 200
        assert_error(browser.post("/v1/studies", json={"name": "by-cookie"}), 403, "forbidden")
        page = {"daguerre-page": "1"}
        assert browser.post("/v1/studies", json={"name": "by-cookie"}, headers=page).status_code == 201
        for site in ("same-site", "cross-site"):
            headers = {**page, "sec-fetch-site": site}
            assert_error(browser.delete("/v1/studies/by-cookie", headers=headers), 403, "forbidden")
            assert_error(browser.get("/v1/studies", headers={"sec-fetch-site": site}), 403, "forbidden")
        assert browser.delete("/v1/studies/by-cookie", headers=page).status_code == 200
        assert_error(browser.get("/v1/coding"), 401, "unauthorized")
        ended = browser.delete("/v1/session", headers=page)
        assert "Max-Age=0" in ended.headers["set-cookie"]
        assert_error(browser.get("/v1/studies"), 401, "unauthorized")


def test_over_https_the_cookie_stays_on_https(workbench):
    headers = {"authorization": f"Bearer {KEY}", "x-forwarded-proto": "https"}
    with workbench.client() as browser:
        assert "Secure" in browser.post("/v1/session", headers=headers).headers["set-cookie"].split("; ")


@pytest.mark.parametrize("value", ["", "1.ab", "9999999999." + "0" * 64, "x" * 4000, "9" * 5000 + ".a"])
def test_other_values_of_the_cookie_are_refused(workbench, value):
    answer = httpx.get(f"{workbench.url}/v1/studies", headers={"cookie": f"daguerre_session={value}"}, trust_env=False)
    assert answer.status_code == 401


def test_pages_forbid_scripts_frames_and_other_hosts(workbench):
    for path in ("/", "/code", "/web/app/main.js"):
        answer = httpx.get(f"{workbench.url}{path}", trust_env=False)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert (answer.headers["x-content-type-options"], answer.headers["x-frame-options"]) == ("nosniff", "DENY")
    for path in ("/web/node_modules/preact/package.json", "/web/package.json", "/web/app/../package.json", "/web/"):
        assert httpx.get(f"{workbench.url}{path}", trust_env=False).status_code == 404, path
