"""Errors for the wire: a status for each, one shape for all."""

import dataclasses
import errno
import os
import re
import resource
import sqlite3

import orjson
import pytest

from models import errors as of_models
from service import errors
from service.errors import ItemFailure, ItemsFailed, ServiceError, item_failure, translate

TREE = {
    name: cls
    for name, cls in vars(errors).items()
    if isinstance(cls, type) and issubclass(cls, ServiceError) and cls not in (ServiceError, ItemsFailed)
}


@pytest.mark.parametrize("name", TREE)
def test_the_docstrings_tree_has_each_class_with_its_status(name):
    line = re.search(rf"── {name} +(\d+)", errors.__doc__)
    assert line, f"{name} is not in the tree at the top of service/errors.py"
    assert int(line[1]) == TREE[name].status
    assert re.fullmatch(r"[a-z_]+", TREE[name].code)


def test_no_two_errors_share_a_code():
    codes = [cls.code for cls in TREE.values()]
    assert len(set(codes)) == len(codes)


def test_there_is_one_error_shape():
    exc = errors.Overloaded("full; come later", retry_after=3, param="input")
    assert exc.body("r-1") == {
        "error": {
            "code": "overloaded",
            "message": "full; come later",
            "param": "input",
            "request_id": "r-1",
            "items": [],
        }
    }
    assert exc.retry_after == 3
    assert errors.NotFound("x", code="unknown_model").body("r")["error"]["code"] == "unknown_model"
    assert errors.NotFound("x").body("r")["error"]["code"] == "not_found"


FAILURES = [
    ItemFailure(2, "post-2", "invalid_image", "image is empty"),
    ItemFailure(5, None, "invalid_text", "text is empty"),
]


def test_several_unusable_items_are_all_named():
    exc = ItemsFailed(FAILURES, of=9)
    assert (exc.status, exc.code, exc.param) == (422, "invalid_items", "input")
    assert exc.message.startswith("2 of 9 items cannot be used, the first is input[2]: image is empty")
    assert 'on_error="skip"' in exc.message
    items = orjson.loads(orjson.dumps(exc.body("r")))["error"]["items"]
    assert items == [
        {"index": 2, "id": "post-2", "code": "invalid_image", "message": "image is empty"},
        {"index": 5, "id": None, "code": "invalid_text", "message": "text is empty"},
    ]


def test_a_request_of_one_item_takes_that_items_status_and_code():
    failure = item_failure(0, "a", of_models.ImageTooLarge("image has too many pixels"))
    exc = ItemsFailed([failure], of=1)
    assert (exc.status, exc.code, exc.param) == (413, "image_too_large", "input[0]")
    assert exc.message == "image has too many pixels"
    assert ItemsFailed(FAILURES, of=9).status == ItemsFailed.status == 422  # the class is as it was


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (of_models.UnsupportedImage("m"), 415, "unsupported_image"),
        (of_models.ImageTooLarge("m"), 413, "image_too_large"),
        (of_models.InvalidImage("m"), 422, "invalid_image"),
        (of_models.TextError("m"), 422, "invalid_text"),
        (of_models.ItemError("m"), 422, "invalid_item"),
    ],
)
def test_an_items_error_keeps_its_code_and_has_a_status(exc, status, code):
    assert dataclasses.astuple(item_failure(4, "id", exc)) == (4, "id", code, "m", status)


@pytest.mark.parametrize(
    ("exc", "kind", "code"),
    [
        (of_models.UnknownModel("m"), errors.NotFound, "unknown_model"),
        (of_models.ModelUnavailable("m"), errors.Unavailable, "model_unavailable"),
        (of_models.TextError("m"), errors.Unprocessable, "invalid_text"),
    ],
)
def test_an_error_of_the_model_rooms_is_translated(exc, kind, code):
    translated = translate(exc)
    assert type(translated) is kind
    assert (translated.code, translated.message) == (code, "m")


@pytest.mark.parametrize(
    "name", [n for n, c in vars(of_models).items() if isinstance(c, type) and issubclass(c, Exception)]
)
def test_no_error_of_the_model_rooms_is_left_untranslated(name):
    translated = translate(getattr(of_models, name)("m"))
    assert 400 <= translated.status < 600
    assert translated.code == getattr(of_models, name).code


def _sqlite(code: int) -> sqlite3.OperationalError:
    exc = sqlite3.OperationalError("database or disk is full")
    exc.sqlite_errorcode = code
    return exc


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError(errno.EFBIG, "File too large"),
    OSError(errno.EROFS, "Read-only file system"),
    OSError("262144 requested and 65280 written"),  # numpy.save has no error number
    RuntimeError("I/O error: No space left on device (os error 28)"),  # safetensors
    _sqlite(sqlite3.SQLITE_FULL),
    _sqlite(sqlite3.SQLITE_IOERR_WRITE),
    _sqlite(sqlite3.SQLITE_IOERR_SHMSIZE),
    _sqlite(sqlite3.SQLITE_READONLY),
    _sqlite(sqlite3.SQLITE_CANTOPEN),
]


@pytest.mark.parametrize("exc", FULL, ids=str)
def test_each_kind_of_full_disk_is_one_error_with_the_setting(exc):
    error = translate(exc)
    assert (type(error), error.status, error.code) == (errors.DiskFull, 507, "disk_full")
    assert "DAGUERRE_HOME" in error.message


NOT_FULL = [
    OSError(errno.ENOENT, "No such file"),
    OSError("something"),
    ValueError("not a number"),
    _sqlite(sqlite3.SQLITE_BUSY),
    sqlite3.ProgrammingError("closed"),
]


@pytest.mark.parametrize("exc", NOT_FULL, ids=str)
def test_another_error_is_raised_as_it_is(exc):
    with pytest.raises(type(exc)) as caught:
        translate(exc)
    assert caught.value is exc


def test_a_label_that_reads_like_a_full_disk_is_none():
    error = translate(of_models.TrainingError("labels: 'No space left on device' has 1 example"))
    assert error.status == 422


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files_are_503(number):
    error = translate(OSError(number, os.strerror(number)))
    assert (error.status, error.code, error.retry_after) == (503, "unavailable", 2)
    assert "ulimit -n" in error.message


def test_a_database_that_cannot_be_opened_for_lack_of_files_is_no_full_disk(tmp_path):
    def error():
        with pytest.raises(sqlite3.OperationalError) as caught:
            sqlite3.connect(tmp_path / "nowhere" / "state.sqlite3")
        return caught.value

    assert translate(error()).code == "disk_full"
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    handle = os.open(os.devnull, os.O_RDONLY)
    os.close(handle)
    exc = error()
    resource.setrlimit(resource.RLIMIT_NOFILE, (handle, limits[1]))  # the lowest free number, which is not allowed
    try:
        found = translate(exc)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert found.code == "unavailable"
