"""The SDK uploads, lists and deletes files, over HTTP and gRPC."""

from io import BytesIO
from urllib.parse import parse_qs

import numpy as np
import pytest

from daguerre import Client
from daguerre import errors as sdk_errors
from tests.clients.pretended import file_server, made


def test_arrays_are_sent_as_the_server_takes_them(tmp_path):
    there, held = file_server()
    with there.client() as client:
        assert client.upload(np.ones((2, 3), ">f8").T) == {"id": "file_1"}
        assert np.load(BytesIO(held[0])).shape == (3, 2)
        np.save(tmp_path / "v.npy", np.zeros((4, 2), np.float16))
        client.upload(tmp_path / "v.npy")
        assert held[1] == (tmp_path / "v.npy").read_bytes()
        client.upload(made(), "mine")
        names = [parse_qs(path.partition("?")[2]).get("name") for _, path, _ in there.asked]
        assert names == [["vectors.npy"], ["v.npy"], ["mine"]]
        for wrong in (np.ones(3), np.ones((2, 2), int)):
            with pytest.raises(ValueError, match="floats, "):
                client.upload(wrong)
        with pytest.raises(FileNotFoundError):
            client.upload(tmp_path / "nowhere.npy")


def test_files_are_sent_listed_and_deleted(client: Client, tmp_path):
    rows = np.random.default_rng(0).standard_normal((3000, 200))  # several pieces
    sent = client.upload(rows, "mine.npy")
    assert (sent["name"], sent["shape"], sent["dtype"]) == ("mine.npy", [3000, 200], "float64")
    assert sent in client.files()
    assert client.delete_file(sent["id"])["id"] == sent["id"]
    assert sent not in client.files()
    (tmp_path / "x.npy").write_text("no array")
    with pytest.raises(sdk_errors.InvalidRequestError, match=r"neither a \.npy"):
        client.upload(tmp_path / "x.npy")
    with pytest.raises(FileNotFoundError):
        client.upload(tmp_path / "nowhere.npy")
    with pytest.raises(sdk_errors.NotFoundError):
        client.delete_file(sent["id"])
