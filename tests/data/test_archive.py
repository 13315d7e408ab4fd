"""Archives: the same collection as from the folder, nothing unpacked by name, damage told in words."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from made_pictures import Maker, tree_state

from sparring.data import open_data
from sparring.data.archive import from_json, list_tar, list_zip, short_name, to_json
from sparring.data.places import read_bytes
from sparring.errors import DataError


def pack_tar(root: Path, target: Path, mode: str) -> Path:
    with tarfile.open(target, f"w{mode}") as archive:
        archive.add(root, root.name)
    return target


def pack_zip(root: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in root.rglob("*"):
            archive.write(path, path.relative_to(root.parent))
    return target


def hashes(source: Path, cache: Path) -> dict[str, object]:
    report = open_data(str(source), cache=cache).report.to_json()
    return {key: report[key] for key in ("layout", "parts", "size", "channels", "formats", "duplicates")}


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tgz", "tar.xz", "tar.bz2", "zip"])
def test_an_archive_reads_as_its_folder(tmp_path: Path, class_folders: Path, cache: Path, kind: str) -> None:
    target = tmp_path / f"photos.{kind}"
    if kind == "zip":
        pack_zip(class_folders, target)
    else:
        pack_tar(class_folders, target, {"tar": "", "tgz": ":gz"}.get(kind, f":{kind[4:]}"))
    before = tree_state(tmp_path)
    data = open_data(str(target), cache=cache)
    assert data.name == "photos" and len(data.spec.classes) == 3
    assert hashes(target, cache) == hashes(class_folders, cache)
    assert not list((cache / "work").iterdir()), "the decompressed tar is gone"
    after = tree_state(tmp_path / "photos")
    assert before != after and target.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["cache", "photos", target.name])


def test_places_hold_the_very_bytes(tmp_path: Path, class_folders: Path) -> None:
    files = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in class_folders.rglob("*.png")}
    tar = pack_tar(class_folders, tmp_path / "a.tar", "")
    for listing in (list_tar(tar, shown=tar), list_zip(pack_zip(class_folders, tmp_path / "a.zip"))):
        assert {entry.name: read_bytes(entry.place) for entry in listing.entries} == files
    listing = list_tar(tar, shown=tar)
    again = from_json(to_json(listing), tar)
    assert (again.entries, again.folders, again.skipped) == (listing.entries, listing.folders, listing.skipped)


def member(
    name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data) if kind == tarfile.REGTYPE else 0, kind, link
    return info, data


def test_hostile_members_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    target = tmp_path / "in" / "bad.tar"
    target.parent.mkdir()
    members = [
        member("../../escape.png"),
        member("/etc/absolute.png"),
        member("cat/fine.png"),
        member("cat/link.png", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member("cat/hard.png", kind=tarfile.LNKTYPE, link="cat/fine.png"),
        member("cat/pipe.png", kind=tarfile.FIFOTYPE),
        member("cat/device.png", kind=tarfile.CHRTYPE),
        member("__MACOSX/cat/._fine.png"),
    ]
    with tarfile.open(target, "w") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    listing = list_tar(target, shown=target)
    assert [entry.name for entry in listing.entries] == ["cat/fine.png", "escape.png", "etc/absolute.png"]
    assert {skipped.name for skipped in listing.skipped} == {
        "cat/link.png",
        "cat/hard.png",
        "cat/pipe.png",
        "cat/device.png",
    }
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bad.tar", "in"]


def test_links_in_a_zip_and_names_from_windows(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    link = zipfile.ZipInfo("cat/link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("../../up.png", "x")
        backslash = zipfile.ZipInfo("placeholder")
        backslash.filename = "dog\\b.png"
        archive.writestr(backslash, "y")
    listing = list_zip(target)
    assert [entry.name for entry in listing.entries] == ["dog/b.png", "up.png"]
    assert [skipped.name for skipped in listing.skipped] == ["cat/link.png"]
    assert read_bytes(listing.entries[0].place) == b"y"


def test_the_last_of_two_members_with_one_name_counts(tmp_path: Path) -> None:
    target = tmp_path / "a.tar"
    with tarfile.open(target, "w") as archive:
        for data in (b"old", b"newer"):
            info, _ = member("a.png", data)
            archive.addfile(info, io.BytesIO(data))
    listing = list_tar(target, shown=target)
    assert [read_bytes(entry.place) for entry in listing.entries] == [b"newer"]
    assert any("the last of each" in note for note in listing.notes)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "zip"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_truncated_archive_is_told_in_words(
    tmp_path: Path, class_folders: Path, cache: Path, kind: str, share: float
) -> None:
    target = tmp_path / f"cut.{kind}"
    if kind == "zip":
        pack_zip(class_folders, target)
    else:
        pack_tar(class_folders, target, {"tar": ""}.get(kind, f":{kind[4:]}"))
    # 100 bytes beside a block's border, so that a plain tar ends within a picture
    target.write_bytes(target.read_bytes()[: int(target.stat().st_size * share) // 512 * 512 + 100])
    with pytest.raises(DataError, match="damaged or cut short"):
        open_data(str(target), cache=cache)


def test_an_encrypted_zip_is_told_in_words(tmp_path: Path, class_folders: Path, cache: Path) -> None:
    target = pack_zip(class_folders, tmp_path / "secret.zip")
    data = bytearray(target.read_bytes())
    for signature, flag in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        position = data.find(signature)
        while position >= 0:
            data[position + flag] |= 1
            position = data.find(signature, position + 4)
    target.write_bytes(data)
    with pytest.raises(DataError, match="encrypted"):
        open_data(str(target), cache=cache)


def test_compressed_data_without_a_tar_inside(tmp_path: Path, cache: Path) -> None:
    import gzip

    target = tmp_path / "notes.gz"
    target.write_bytes(gzip.compress(b"some text " * 1000))
    with pytest.raises(DataError, match="no tar archive inside"):
        open_data(str(target), cache=cache)


def test_a_compressed_tar_is_not_decompressed_again(
    tmp_path: Path, class_folders: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = pack_tar(class_folders, tmp_path / "photos.tar.gz", ":gz")
    first = open_data(str(target), cache=cache)
    monkeypatch.setattr("sparring.data.archive.decompress", lambda *_: pytest.fail("decompressed a second time"))
    assert open_data(str(target), cache=cache).report == first.report
    os.utime(target, ns=(1, 1))
    with pytest.raises(pytest.fail.Exception):
        open_data(str(target), cache=cache)


@pytest.mark.parametrize(
    ("name", "short"),
    [("a.tar.gz", "a"), ("a.b.zip", "a.b"), ("a.tgz", "a"), (".zip", ".zip"), ("plain", "plain")],
)
def test_short_names(name: str, short: str) -> None:
    assert short_name(Path(name)) == short


def test_metadata_inside_an_archive(tmp_path: Path, make: Maker, cache: Path) -> None:
    root = tmp_path / "set"
    for index in range(6):
        make(root / f"{index}.png", index)
    (root / "metadata.csv").write_text("file_name,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(6)))
    data = open_data(str(pack_tar(root, tmp_path / "set.tar.xz", ":xz")), cache=cache)
    assert data.spec.classes == ("a", "b")
