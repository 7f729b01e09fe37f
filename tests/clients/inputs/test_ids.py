"""The ids of files: relative to the folder that is given, or to the common parent of several sources."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daguerre.corpus.plan import CorpusFiles
from daguerre.inputs.items import image_sources, paired_sources, text_sources
from daguerre.inputs.names import PathNames
from daguerre.inputs.videos import first_of_videos_alone, video_ids
from daguerre.storage.tables import read_lines

FOLDERS = ("", "a", "a/b", "a/b/c", "d", "d/b", "e f", "ü")
PNG = b"\x89PNG\r\n\x1a\n"


def ids(given: object, **options: object) -> list[str]:
    sources = image_sources(given, **options)
    for _ in sources:
        pass
    return sources.ids()


def corpus_ids(given: object) -> list[str]:
    files = CorpusFiles(given)
    before = [file.id for file in files]
    final = files.final_ids()
    return [final.get(id, id) for id in before]


def common(folders: Sequence[Path]) -> Path:
    """The deepest folder that is, or holds, each of the folders."""
    shared = set.intersection(*({folder, *folder.parents} for folder in folders))
    return max(shared, key=lambda folder: len(folder.parts))


def layout(root: Path) -> None:
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in ("x.png", "y.png"):
            (root / folder / name).write_bytes(PNG)


@settings(max_examples=60)
@given(
    chosen=st.lists(
        st.tuples(st.sampled_from(FOLDERS), st.sampled_from(["folder", "file", "glob", "all"])), min_size=1
    ),
    form=st.sampled_from(["absolute", "relative", "dotted", "slash", "link", "path"]),
    kind=st.sampled_from([list, tuple, iter]),
)
def test_ids_are_relative_to_the_common_parent_of_the_sources(chosen, form, kind):
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary).resolve() / "root"
        layout(root)
        (root.parent / "link").symlink_to(root, target_is_directory=True)
        before = os.getcwd()
        os.chdir(root.parent)
        try:
            start = {"relative": "root", "dotted": "./root/../root", "link": "link"}.get(form, str(root))
            base = root.parent / "link" if form == "link" else root
            sources, parents, expected = [], [], []
            for folder, what in chosen:
                here = base / folder
                tail = {"folder": "", "file": "x.png", "glob": "*.png", "all": "**/*.png"}[what]
                text = os.path.join(start, folder, tail) if tail else os.path.join(start, folder).rstrip("/")
                sources.append(Path(text) if form == "path" else text + "/" * (form == "slash" and what == "folder"))
                parents.append(here)
                found = {
                    "folder": sorted(here.rglob("*.png")),
                    "file": [here / "x.png"],
                    "glob": sorted(here.glob("*.png")),
                    "all": sorted(here.rglob("*.png")),
                }[what]
                expected += [set(found)]
            parent = common(parents)
            every = ids(kind(sources))
            groups = iter(every)
            for paths in expected:
                assert {next(groups) for _ in paths} == {path.relative_to(parent).as_posix() for path in paths}
            assert next(groups, None) is None
            assert len(corpus_ids(kind(sources))) == len(every)
            assert set(corpus_ids(kind(sources))) == set(every)
            if len(sources) == 1:
                assert ids(sources[0]) == every == corpus_ids(sources[0])
            files = image_sources(list(sources))
            assert all(os.path.isfile(source.path) for source in files)
            assert all(map(os.path.isfile, files.files()))
        finally:
            os.chdir(before)


def test_one_folder_has_one_form_of_ids_however_it_is_written(tmp_path, monkeypatch):
    layout(tmp_path)
    monkeypatch.chdir(tmp_path)
    expected = ["b/c/x.png", "b/c/y.png", "b/x.png", "b/y.png", "x.png", "y.png"]
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    for source in (
        "a",
        "a/",
        "./a",
        "a//",
        "d/../a",
        tmp_path / "a",
        f"{tmp_path}/a/",
        ["a"],
        "link",
        ("a",),
        iter(["a"]),
    ):
        assert sorted(ids(source)) == expected
    monkeypatch.chdir(tmp_path / "a")
    assert sorted(ids(".")) == sorted(ids("./")) == sorted(ids("**/*.png")) == sorted(ids("../a")) == expected


def test_a_single_file_is_its_name_and_the_rest_keeps_its_own(tmp_path, monkeypatch):
    layout(tmp_path)
    monkeypatch.chdir(tmp_path)
    for source in ("a/b/x.png", ["a/b/x.png"], Path("a/b/x.png"), "a/b/x.*"):
        assert ids(source) == ["x.png"]
    with open("a/b/x.png", "rb") as one, open("a/y.png", "rb") as two:
        assert ids(one) == ["x.png"]
        one.seek(0)
        assert ids([one, two]) == ["b/x.png", "y.png"]
    assert ids({"mine": "a/b/x.png", 7: PNG}) == ["mine", "7"] == ids(["a/b/x.png", PNG], ids=["mine", "7"])
    assert ids([PNG, "a/b/x.png", PNG]) == ["0", "x.png", "2"]
    assert ids([{"bytes": PNG, "path": "set/1.png"}, {"bytes": None, "path": "a/x.png"}]) == ["set/1.png", "a/x.png"]
    assert ids(["a/x.png", "a/nowhere.png", "https://x/y.png", "d/x.png"]) == [
        *("a/x.png", "a/nowhere.png", "https://x/y.png", "d/x.png"),
    ]
    assert ids(["a/x.png", "/nowhere/y.png"]) == ["x.png", "/nowhere/y.png"]
    assert corpus_ids({"mine": "a/b/x.png", "yours": "d/x.png"}) == ["mine", "yours"]
    with pytest.raises(ValueError, match="a key of the mapping is that of several files"):
        corpus_ids({"mine": "a"})


def test_pairs_have_the_ids_of_the_images(tmp_path):
    layout(tmp_path)
    pairs = paired_sources(image_sources(str(tmp_path / "d")), text_sources(["a"] * 4))
    assert len(list(pairs)) == 4
    assert pairs.ids() == ["b/x.png", "b/y.png", "x.png", "y.png"]
    assert pairs.files() == [str(tmp_path / "d" / id) for id in pairs.ids()]


def test_a_name_that_is_no_text_has_an_id_that_is(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(PNG)
    assert ids(tmp_path) == corpus_ids(tmp_path) == [r"caf\udce9.png"]


def test_videos_have_ids_as_images_have(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/x.mp4", "b/y.mp4"):
        Path(name).parent.mkdir()
        Path(name).touch()
    assert video_ids("a", ["a/x.mp4"]) == {"a/x.mp4": "x.mp4"}
    assert video_ids(["a", "b/y.mp4"], ["a/x.mp4", "b/y.mp4"]) == {"a/x.mp4": "a/x.mp4", "b/y.mp4": "b/y.mp4"}
    assert video_ids("b/y.mp4", ["b/y.mp4"]) == {"b/y.mp4": "y.mp4"}


def test_videos_alone_are_told_from_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layout(tmp_path / "pictures")
    for name in ("videos/x.mp4", "both/y.mp4", "named/film"):
        Path(name).parent.mkdir()
        Path(name).touch()
    Path("named/film").write_bytes(b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41")
    Path("both/z.png").write_bytes(PNG)
    found = {
        name: first_of_videos_alone(name) for name in ("videos", "videos/", "videos/*", "videos/x.mp4", "named/film")
    }
    assert found == {
        **dict.fromkeys(("videos", "videos/", "videos/*", "videos/x.mp4"), "videos/x.mp4"),
        "named/film": "named/film",
    }
    for name in ("both", "pictures", "pictures/a/x.png", "nowhere", "nowhere/*", "both/*"):
        assert first_of_videos_alone(name) is None


def test_an_id_is_one_line_and_finds_its_file(tmp_path: Path) -> None:
    """A name with an end of line is escaped, is found again from a list of ids, and may not equal that of another."""
    names = ["a\nb.jpg", "c\rd.jpg", "plain.jpg"]
    for name in names:
        (tmp_path / name).write_bytes(b"\xff\xd8\xff")
    sources = image_sources(tmp_path)
    assert len(list(sources)) == 3
    ids = sources.ids()
    assert ids == [r"a\nb.jpg", r"c\rd.jpg", "plain.jpg"]
    (tmp_path / "kept.txt").write_text("\n".join(ids))
    listed = read_lines(str(tmp_path / "kept.txt"))
    known = PathNames(sources.files(), ids)
    assert [known.find(id) for id in listed] == [[0], [1], [2]]
    (tmp_path / r"a\nb.jpg").write_bytes(b"\xff\xd8\xff")
    again = image_sources(tmp_path)
    list(again)
    with pytest.raises(ValueError, match=r"have the same id .*; rename one of the files"):
        again.ids()
