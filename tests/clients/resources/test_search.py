"""The SDK searches, over HTTP and gRPC."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from daguerre import Client, RemarkWarning
from daguerre import errors as sdk_errors
from tests.clients.conftest import kinds


def test_the_nearest_are_found(client: Client, corpus, embedded, inline):
    found = client.search("a cat", embedded, k=4)
    assert set(kinds(found.ids[0])) == {"chelsea"}
    assert found[0] == sorted(found[0], key=lambda each: -each[1])
    rows = embedded.vectors @ client.embed(texts="a cat").vectors[0]
    assert found.cosines[0] == pytest.approx(np.sort(rows[embedded.ok])[::-1][:4], abs=1e-5)
    images = client.search([corpus / "rocket1.jpg", corpus / "coffee1.jpg"], embedded, k=1)
    assert [Path(row[0]).name for row in images.ids] == ["rocket1.jpg", "coffee1.jpg"]
    assert images.to_pandas()["rank"].tolist() == [1, 1]
    assert len(client.search(embedded.drop_failed(), embedded, k=1)) == 32
    with Client(inline.url) as other:
        assert (other.search("a cat", embedded, k=4).cosines == found.cosines).all()
    with pytest.raises(sdk_errors.ItemFailedError):
        client.search([b"no image"], embedded)
    foreign = replace(embedded, receipt=replace(embedded.receipt, fingerprint="0" * 32))
    for query in (foreign, "a cat"):
        with pytest.raises(sdk_errors.FingerprintMismatchError):
            client.search(query, embedded if query is foreign else foreign)


def test_a_str_that_is_an_image_file_is_a_text_with_a_remark(client, embedded, corpus):
    path = str(corpus / "rocket0.jpg")
    with pytest.warns(RemarkWarning, match=r"is an image file, and a str is a text; give Path\("):
        client.search(path, embedded, k=1)
    assert client.search(corpus / "rocket0.jpg", embedded, k=1)[0][0][0] in ("rocket0.jpg", "rocket_copy.jpg")
