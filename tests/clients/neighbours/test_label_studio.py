"""Label Studio itself, from its package: a project whose tasks are predicted by a server of ours."""

import base64
import os
import subprocess
import time

import httpx
import pytest

from tests.clients.neighbours.environments import python_of
from tests.e2e import harness

pytestmark = pytest.mark.slow
TOKEN = "0123456789abcdef0123456789abcdef01234567"
CONFIG = """<View><Image name="image" value="$image"/><Choices name="subject" toName="image">
<Choice value="cat" predicted_values="a cat"/><Choice value="rocket" predicted_values="a rocket launch"/>
<Choice value="coffee" predicted_values="a cup of coffee"/></Choices></View>"""


@pytest.fixture(scope="module")
def label_studio(tmp_path_factory):
    """A client of a running Label Studio, and the folder of the pictures that it keeps."""
    python = python_of("label-studio", "label-studio==1.23.2", alone=True)
    folder, port = tmp_path_factory.mktemp("label-studio"), harness.free_port()
    variables = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "USE_DEFAULT_BANNED_SUBNETS": "false",  # or it calls no backend on this machine
        **{"COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""},
    }
    person = ("--username", "a@b.example", "--password", "password1", "--user-token", TOKEN)
    command = [python.parent / "label-studio", "start", "--no-browser", "--port", str(port), *person]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=subprocess.STDOUT)
    try:
        headers = {"authorization": f"Token {TOKEN}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120, trust_env=False) as client:
            _wait(client, process, folder)
            yield client, folder / "media"
    finally:
        process.terminate()
        process.wait(30)


def _wait(client, process, folder):
    for _ in range(4500):  # its first start makes a database by hundreds of migrations
        assert process.poll() is None, (folder / "log").read_text()[-3000:]
        try:
            client.get("/health").raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError((folder / "log").read_text()[-3000:])


def test_its_tasks_are_predicted_by_our_server(label_studio, home, tmp_path):
    """A data URI, and uploads, which our server reads since its DAGUERRE_DATA is the folder that they are kept in."""
    client, media = label_studio
    settings = {"DAGUERRE_API_KEYS": "open-sesame", "DAGUERRE_DATA": str(media), "BENTOML_HOME": str(tmp_path / "b")}
    with harness.running(tmp_path, settings=settings) as ours:
        project = client.post("/api/projects", json={"title": "stamps", "label_config": CONFIG}).json()["id"]
        backend = {
            **{"project": project, "url": f"{ours.url}/label-studio/zero-shot/embedded", "title": "Daguerre"},
            **{"auth_method": "BASIC_AUTH", "basic_auth_user": "any", "basic_auth_pass": "open-sesame"},
        }
        connected = client.post("/api/ml", json=backend).json()
        assert (connected["readable_state"], connected["model_version"].split()[0]) == ("Connected", "embedded")
        pictures = {name: harness.jpeg(name, width=200) for name in ("chelsea", "rocket", "coffee")}
        files = [(name, (f"{name}.jpg", pictures[name], "image/jpeg")) for name in ("chelsea", "rocket")]
        assert client.post(f"/api/projects/{project}/import", files=dict(files)).status_code == 201
        uri = "data:image/jpeg;base64," + base64.b64encode(pictures["coffee"]).decode()
        sent = [{"data": {"image": uri}}, {"data": {"image": "https://elsewhere.example/cat.jpg"}}]
        assert client.post(f"/api/projects/{project}/import", json=sent).status_code == 201
        asked = {"selectedItems": {"all": True, "excluded": []}}
        params = {"id": "retrieve_tasks_predictions", "project": project}
        assert client.post("/api/dm/actions", params=params, json=asked).status_code == 200
        found = client.get("/api/predictions", params={"project": project}).json()
    choices = [each["result"][0]["value"]["choices"] for each in sorted(found, key=lambda each: each["task"])]
    assert choices == [["cat"], ["rocket"], ["coffee"]]  # and none of the address that is not fetched
    assert {each["model_version"] for each in found} == {connected["model_version"]}
    assert all(each["score"] == each["result"][0]["score"] for each in found)
