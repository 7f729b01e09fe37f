"""The walk through folders: files by their bytes, without what systems put beside them, and the account of the rest."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from daguerre import RemarkWarning
from daguerre.corpus.classifiers import read_coded_folder
from daguerre.inputs.files import LeftOut, class_folders, matching, walk
from daguerre.inputs.items import image_sources
from daguerre.inputs.videos import video_paths

MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2mp41" + bytes(2000)


def jpeg(colour: str = "teal", kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(out, kind)
    return out.getvalue()


def fill(folder: Path, **files: bytes) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def found(folder: Path, left_out: LeftOut | None = None) -> list[str]:
    return [os.path.relpath(path, folder) for path in walk(str(folder), left_out=left_out)]


ODD = ["1234567890", "a.jpg_large", "b.jpg?w=640", "c.jpg.1", "d.mpo", "e.JPG", "f.PnG", "g.", "h.jpg~", "i.JPEG.part"]


def test_a_file_is_an_image_by_its_bytes_whatever_its_name(tmp_path: Path) -> None:
    fill(tmp_path, **dict.fromkeys(ODD, jpeg()))
    assert found(tmp_path) == sorted(ODD)
    left_out = LeftOut()
    list(walk(str(tmp_path), left_out=left_out))
    assert not left_out
    assert left_out.remark is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "MPO", "JPEG2000"])
def test_every_format_that_pillow_writes_is_an_image(tmp_path: Path, kind: str) -> None:
    fill(tmp_path, picture=jpeg(kind=kind))
    assert found(tmp_path) == ["picture"]


OTHERS = {
    "notes.txt": b"The freedom of a text, with jpg in it",
    "table.csv": b"path,target\n",
    "report.pdf": b"%PDF-1.7",
    "LICENSE": b"BM is no bitmap",
    "page.html": b"<html>",
    "archive.zip": b"PK\x03\x04" + bytes(100),
    "sound.mp3": b"ID3\x03",
    "sound.m4a": b"\0\0\0\x20ftypM4A " + bytes(100),
    "clip.mp4": MP4,
    "empty": b"",
    "dots.svg": b"<svg>",
    "IMG_1.CR2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(100),
    "IMG_2.nef": b"MM\0*" + bytes(100),
    "IMG_3.dng": b"II*\0" + bytes(100),
}


def test_what_is_no_image_is_left_out_and_counted_by_kind(tmp_path: Path) -> None:
    fill(tmp_path, **{"a.jpg": jpeg(), "more/b.txt": b"b", **OTHERS})
    left_out = LeftOut()
    assert found(tmp_path, left_out) == ["a.jpg"]
    assert left_out.total == len(OTHERS) + 1
    assert f"files of a camera's sensor: 3, the first '{tmp_path}/IMG_1.CR2'" in str(left_out)
    assert f".txt files that are no images: 2, the first '{tmp_path}/more/b.txt'" in str(left_out)
    assert "files without an ending that are no images: 2" in str(left_out)
    assert left_out.remark is not None
    assert left_out.remark.startswith("15 files or folders were left out (")


SYSTEM = [
    *(
        "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
        "__MACOSX/._a.jpg",
        ".AppleDouble/a.jpg",
        "#recycle/a.jpg",
        "@Recycle/a.jpg",
    ),
    *("$RECYCLE.BIN/S-1/a.jpg", "System Volume Information/a.jpg", ".Trash-1000/files/a.jpg", ".Trashes/501/a.jpg"),
    *(
        ".git/objects/a.jpg",
        ".hidden/a.jpg",
        "lost+found/a.jpg",
        ".@__thumb/a.jpg",
        "sub/@eaDir/a.jpg",
        "#snapshot/a.jpg",
    ),
]
BOOKKEEPING = ["._a.jpg", ".DS_Store", "Thumbs.db", "desktop.ini", "sub/._b.jpg"]


@pytest.mark.parametrize("name", SYSTEM)
def test_folders_of_systems_are_left_out_and_counted(tmp_path: Path, name: str) -> None:
    fill(tmp_path, **{"sub/b.jpg": jpeg(), name: jpeg()})
    left_out = LeftOut()
    assert found(tmp_path, left_out) == ["sub/b.jpg"]
    assert left_out.total == 1
    assert left_out.remark is not None
    assert [Path(path).name for path in class_folders(str(tmp_path), LeftOut())] == ["sub"]
    coded = tmp_path.parent / f"{tmp_path.name}-coded"
    fill(coded, **{"sub/b.jpg": jpeg(), name: jpeg()})
    with pytest.warns(RemarkWarning, match="1 files or folders were left out"):
        assert set(read_coded_folder(str(coded))["targets"]) == {"sub"}


def test_a_hash_or_an_at_in_the_name_of_a_folder_of_ones_own_is_none_of_them(tmp_path: Path) -> None:
    names = ["#metoo/a.jpg", "@someone/a.jpg", "recycling/a.jpg", "macosx/a.jpg", "system/a.jpg"]
    fill(tmp_path, **dict.fromkeys(names, jpeg()))
    assert found(tmp_path) == sorted(names)


def test_files_that_a_system_puts_into_every_folder_are_no_remark(tmp_path: Path) -> None:
    fill(tmp_path, **{"sub/b.jpg": jpeg()}, **dict.fromkeys(BOOKKEEPING, jpeg()))
    left_out = LeftOut()
    assert found(tmp_path, left_out) == ["sub/b.jpg"]
    assert left_out.total == len(BOOKKEEPING)
    assert left_out.remark is None
    fill(tmp_path, **{".hidden.jpg": jpeg()})
    left_out = LeftOut()
    assert found(tmp_path, left_out) == ["sub/b.jpg"]
    assert left_out.remark is not None


def test_links_that_lead_back_or_nowhere_end(tmp_path: Path) -> None:
    fill(tmp_path, **{"a/1.jpg": jpeg(), "b/2.jpg": jpeg()})
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "b" / "a").symlink_to(tmp_path / "a")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "linked").symlink_to(tmp_path / "a" / "1.jpg")
    left_out = LeftOut()
    assert found(tmp_path, left_out) == ["a/1.jpg", "b/2.jpg", "linked"]
    assert "links to folders that are walked already: 2" in str(left_out)
    assert left_out.total == 4


def test_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    fill(tmp_path, **{"a.jpg": jpeg()})
    os.mkfifo(tmp_path / "pipe")
    left_out = LeftOut()
    assert found(tmp_path, left_out) == ["a.jpg"]
    assert "no regular files: 1" in str(left_out)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user than that of the test")
def test_folders_and_files_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    """In a process of a user who may not read them."""
    fill(tmp_path, **{"a.jpg": jpeg(), "closed/b.jpg": jpeg(), "secret": jpeg()})
    (tmp_path / "closed").chmod(0)
    (tmp_path / "secret").chmod(0)
    program = (
        "import os, sys\n"
        "from daguerre.inputs.files import LeftOut, walk\n"
        "sys.stdout.flush(); os.setuid(65534)\n"
        "left_out = LeftOut()\n"
        "print([os.path.basename(path) for path in walk(sys.argv[1], left_out=left_out)], left_out)\n"
    )
    for parent in (tmp_path, *tmp_path.parents[:3]):  # one more where several processes run tests
        parent.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("['a.jpg'] "), done.stderr
    assert "folders that cannot be read: Permission denied: 1" in done.stdout
    assert "files that cannot be read: Permission denied: 1" in done.stdout


def test_a_folder_without_an_image_is_an_error_that_names_it_and_what_is_there(tmp_path: Path) -> None:
    fill(tmp_path, **{"notes.txt": b"text", "sub/.hidden.jpg": jpeg()})
    with pytest.raises(
        FileNotFoundError, match=rf"no image is in '{tmp_path}', only \.txt files that are no images: 1"
    ):
        list(image_sources(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no image is in .*empty', nothing; give a folder that has images"):
        list(image_sources(str(tmp_path / "empty")))
    with pytest.raises(ValueError, match=r"no images in folders of classes, only \.txt"):
        read_coded_folder(
            str(tmp_path.parent / fill(tmp_path / "classes", **{"a/x.txt": b"x"}).relative_to(tmp_path.parent))
        )
    fill(tmp_path / "some", **{"a/1.jpg": jpeg(), "2.jpg": jpeg(), ".DS_Store": b"x"})
    with pytest.warns(RemarkWarning, match=r"2 files .*files beside the folders of classes: 1, the first .*2\.jpg"):
        assert read_coded_folder(str(tmp_path / "some"))["targets"] == ["a"]
    with pytest.raises(ValueError, match="no video was found in"):
        video_paths(str(tmp_path))


def test_a_glob_takes_what_a_walk_takes(tmp_path: Path) -> None:
    fill(tmp_path, **{"a": jpeg(), "b.jpg": b"broken", "c.txt": b"text", "@eaDir/d.jpg": jpeg(), "sub/e": jpeg()})
    left_out = LeftOut()
    assert matching(f"{tmp_path}/*", left_out=left_out) == [f"{tmp_path}/a", f"{tmp_path}/b.jpg"]
    assert left_out.total == 2  # the folder of the system too
    assert matching(f"{tmp_path}/**") == [f"{tmp_path}/a", f"{tmp_path}/b.jpg", f"{tmp_path}/sub/e"]
    with pytest.raises(FileNotFoundError, match=r"no image matches .*: \.txt files that are no images: 1"):
        matching(f"{tmp_path}/*.txt")
    with pytest.raises(
        FileNotFoundError, match=r"only folders match .*sub'; give a folder, or a glob that ends in /\*"
    ):
        matching(f"{tmp_path}/su?")


def test_videos_are_found_by_their_bytes_too(tmp_path: Path) -> None:
    stream = (b"G" + bytes([0x40, 0, 0x10]) + b"\xff" * 184) * 10
    fill(
        tmp_path,
        **{
            "clip": MP4,
            "a.MP4": b"broken",
            "b.ts": stream,
            "c.ts": b"const x: number = 1;\n" * 50,
            "d.mts": stream[77:],
        },
        **{"photo": jpeg(), "e.jpg": jpeg(), "f.mkv_large": b"\x1a\x45\xdf\xa3" + bytes(50), "@eaDir/g.mp4": MP4},
    )
    with pytest.warns(RemarkWarning, match=r"\.ts files that are no videos: 1"):
        paths = video_paths(f"{tmp_path}/")
    assert [os.path.relpath(path, tmp_path) for path in paths] == ["a.MP4", "b.ts", "clip", "d.mts", "f.mkv_large"]


def test_ten_thousand_files_without_an_ending_are_walked_in_a_second(tmp_path: Path) -> None:
    data = jpeg()
    for i in range(4000):
        (tmp_path / str(i)).write_bytes(data)
    started = time.process_time()
    assert len(found(tmp_path)) == 4000
    assert time.process_time() - started < 0.4 * 2  # of a machine that others use


def test_a_folder_is_walked_under_its_own_name_whatever_links_lead_to_it(tmp_path: Path) -> None:
    """A link that comes first, one to the folder itself, one into it, and two to the same folder elsewhere."""
    corpus, other = tmp_path / "corpus", tmp_path / "other"
    fill(corpus, **{"m/1.jpg": jpeg(), "m/deep/2.jpg": jpeg(), ".hidden/3.jpg": jpeg()})
    fill(other, **{"4.jpg": jpeg()})
    links = {"a": "m", "b": ".", "c": "m/deep", "d": "../other", "e": "../other", "h": ".hidden"}
    for name, target in links.items():
        (corpus / name).symlink_to(corpus / target)
    left_out = LeftOut()
    assert found(corpus, left_out) == ["d/4.jpg", "h/3.jpg", "m/1.jpg", "m/deep/2.jpg"]
    assert "links to folders that are walked already: 4" in str(left_out)
