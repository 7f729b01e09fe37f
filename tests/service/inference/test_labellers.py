"""The file of labellers: each error names field, value and rule, and no key is ever in it."""

import pytest

from service.errors import Forbidden, NotFound
from service.inference.labellers import find_labeller, read_labellers
from service.settings import Settings
from tests.label_stub import KEY, write_labellers, write_private

GOOD = "kind: remote\n    address: https://llm.example.org/v1\n    model: m"


def read(tmp_path, text: str, name: str = "labellers.yaml", **settings):
    path = write_private(tmp_path / name, text)
    return read_labellers(Settings(labellers=path, **settings))


def row(text: str) -> str:
    return f"labellers:\n  a:\n    {text}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no labeller"),
        ("labellers: {}", "names no labeller"),
        ("labellers: {a: {}}\nmore: 1", "names no labeller"),
        ("labellers: [", "is no YAML"),
        (row("kind: hosted"), r"labellers\.a\.kind: got 'hosted', there is remote, local"),
        (row("kind: local"), r"a\.model: is missing; give .* an analyser of this server"),
        (row("kind: remote\n    model: m"), r"a\.address: is missing; give .*http://.*/v1 \(in .*labellers\.yaml\)"),
        (
            row("kind: remote\n    adress: http://x/v1\n    model: m"),
            r"a\.adress: is no field of .* kind remote.*address",
        ),
        (
            row("kind: remote\n    model: m\n    address: http://x:8000"),
            r"no path; .*http://x:8000/v1, .* is written http://x:8000/ ",
        ),
        (row("kind: remote\n    model: m\n    address: ftp://x"), r"a\.address: got 'ftp://x'; an address begins with"),
        (row("kind: remote\n    model: m\n    address: http://me:secret@x/v1"), r"a\.address: has a user name"),
        (row(f"{GOOD}\n    concurrency: 0"), r"a\.concurrency: got 0, .*greater than or equal to 1"),
        (row(f"{GOOD}\n    max_size: 3"), r"a\.max_size: is no field.*max_side"),
        (row(f"{GOOD}\n    structured: yaml"), r"a\.structured: got 'yaml'"),
        (row(f"{GOOD}\n    api_key: {KEY}"), r"labellers\.a: has a key; write it into a file"),
        (row(f"{GOOD}\n    key_file: /nowhere/key"), r"a\.key_file: /nowhere/key cannot be read"),
        (row(f"{GOOD}\n    input_price: 3"), "input_price and output_price belong together"),
        (row(f"{GOOD}\n    ca_file: /nowhere/ca"), r"a\.ca_file: there is no file"),
        (f"labellers:\n  A b:\n    {GOOD}\n", r"labellers\.A b: a name has small letters"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(tmp_path, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, text)
    assert KEY not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("l.yaml", row(f"{GOOD}\n    api_key: {KEY}: x"), r"no YAML .* line 6, column \d+;"),
        ("l.yaml", row(f"{GOOD}\n    api_key: *{KEY}"), r"no YAML .* line 6, column \d+;"),
        ("l.yaml", row(f"{GOOD}\n    api_key: !{KEY} x"), r"no YAML .* line 6, column \d+;"),
        ("l.yaml", row(f"{GOOD}\n    at: 2026-99-99\n    api_key: {KEY}"), "no YAML that can be read; "),
        ("l.toml", f"[labellers.a]\n{KEY} = 1\n{KEY} = 2\nx = 1", r"no TOML .* line 3, column \d+;"),
        ("l.toml", f"[{KEY}]\n[{KEY}]\n", r"no TOML .* line 2, column \d+;"),
    ],
)
def test_a_file_of_another_form_is_not_quoted(tmp_path, name, text, place):
    with pytest.raises(ValueError, match=place) as caught:
        read(tmp_path, text, name)
    assert KEY not in str(caught.value)
    assert "sk-not" not in str(caught.value)


def test_a_key_is_read_from_its_file_and_not_sent_in_the_open(tmp_path):
    write_private(tmp_path / "key", f"{KEY}\n")
    table = f'[labellers.a]\nkind = "remote"\nmodel = "m"\nkey_file = "{tmp_path}/key"\naddress = '
    found = read(tmp_path, table + '"https://llm.example.org/v1/"', "l.toml")["a"]
    assert found.key() == KEY
    assert KEY not in repr(found)
    assert (found.host, found.address) == ("llm.example.org", "https://llm.example.org/v1")
    with pytest.raises(ValueError, match="unencrypted"):
        read(tmp_path, table + '"http://gpu01:8000/v1"', "l.toml")
    for address in ('"http://127.0.0.1:8000/v1"', '"http://gpu01:8000/v1"\nallow_http_key = true'):
        assert read(tmp_path, table + address, "l.toml")
    assert read(tmp_path, table + '"https://api.example.org/"', "l.toml")["a"].address == "https://api.example.org"
    (tmp_path / "key").write_text("two\nkeys\n")
    with pytest.raises(ValueError, match="does not have one line") as caught:
        read(tmp_path, table + '"https://llm.example.org/v1"', "l.toml")
    assert "two" not in str(caught.value).replace("does not", "")


@pytest.mark.parametrize(
    ("name", "mode", "message"),
    [
        ("labellers.toml", 0o666, "labellers: .* permissions 666, .* can change it; run chmod go-w"),
        ("labellers.toml", 0o620, "permissions 620"),
        ("labellers.toml", 0o644, None),
        ("key", 0o644, r"a\.key_file: .* permissions 644, .* can read it; run chmod g-w,o-rwx"),
        ("key", 0o660, "can change it"),
        ("key", 0o640, None),  # for a service that has the group
    ],
)
def test_no_one_else_can_change_the_file_or_read_the_key(name, mode, message, tmp_path):
    write_private(tmp_path / "key", KEY)
    fields = {"kind": "remote", "model": "m", "address": "https://x/v1", "key_file": str(tmp_path / "key")}
    path = write_labellers(tmp_path, {"a": fields})
    (tmp_path / name).chmod(mode)
    if message is None:
        assert read_labellers(Settings(labellers=path))["a"].key() == KEY
        return
    with pytest.raises(ValueError, match=message):
        read_labellers(Settings(labellers=path))


def test_each_entry_process_needs_a_share(tmp_path):
    text = row(f"{GOOD}\n    concurrency: 2")
    with pytest.raises(ValueError, match="each of 3 entry processes"):
        read(tmp_path, text, placement="process", entry_workers=3)


def test_a_request_names_a_labeller_that_there_is(tmp_path):
    with pytest.raises(Forbidden, match="DAGUERRE_LABELLERS"):
        find_labeller({}, None)
    table = read(tmp_path, row(GOOD))
    assert find_labeller(table, None).name == "a"
    with pytest.raises(NotFound, match=r"there is no 'http://evil'.*there are: a"):
        find_labeller(table, "http://evil")
