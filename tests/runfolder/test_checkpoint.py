"""Checkpoints: what is saved comes back, damage is found, the right ones stay."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sparring.errors import MachineError, UsageError
from sparring.runfolder import RunFolder

from .helpers import assert_intact, save, saved_names, state_of, tensors_of


def test_what_is_saved_comes_back(folder: RunFolder) -> None:
    place = save(folder, 120_064, best=True)
    assert place == folder.path / "checkpoints" / "000000120064"
    checkpoint = folder.load_checkpoint()
    assert_intact(checkpoint)
    assert (checkpoint.images, checkpoint.best, checkpoint.notes) == (120_064, True, ())


def test_files_are_plain_safetensors(folder: RunFolder) -> None:
    place = save(folder, 5)
    read = load_file(place / "generator.safetensors")
    assert torch.equal(read["net.weight"], tensors_of(5)["generator"]["net.weight"])


def test_every_layout_and_kind_of_tensor(folder: RunFolder) -> None:
    base = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).reshape(2, 3, 4, 5)
    named = {
        "channels_last": base.to(memory_format=torch.channels_last),
        "transposed": base.transpose(1, 3),
        "shared": base,
        "same": base,
        "part": base[0, 1],
        "half": base.bfloat16(),
        "flag": torch.tensor(True),
        "empty": torch.zeros(0, 3),
        "wide": torch.tensor(1 / 3, dtype=torch.float64),
        "with_grad": torch.nn.Parameter(base.clone()),
    }
    folder.save_checkpoint(images=1, tensors={"odd": named, "none": {}}, state={})
    read = folder.load_checkpoint().tensors
    assert read["none"] == {}
    for name, tensor in named.items():
        assert torch.equal(read["odd"][name], tensor), name
        assert read["odd"][name].dtype == tensor.dtype


def test_saving_does_not_touch_what_is_saved(folder: RunFolder) -> None:
    weight = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    before = weight.clone()
    folder.save_checkpoint(images=1, tensors={"net": {"weight": weight}}, state={})
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(weight, before)


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    places = []
    for name in ("one", "two"):
        run = RunFolder.create(tmp_path / name, name="x")
        tensors = tensors_of(7)
        ordered = tensors if name == "one" else {stem: dict(reversed(named.items())) for stem, named in tensors.items()}
        places.append(run.save_checkpoint(images=7, tensors=ordered, state=state_of(7)))
        run.unlock()
    for file in ("generator.safetensors", "optimizer.safetensors", "state.json"):
        assert (places[0] / file).read_bytes() == (places[1] / file).read_bytes()


def test_the_last_two_and_the_best_stay(folder: RunFolder) -> None:
    kept = []
    for images, best in [(1, False), (2, True), (3, False), (4, False), (5, True), (6, False), (7, False), (8, False)]:
        save(folder, images, best=best)
        kept.append(sorted(folder.saved_at()))
        assert folder.load_checkpoint().images == images
    assert kept == [[1], [1, 2], [2, 3], [2, 3, 4], [4, 5], [5, 6], [5, 6, 7], [5, 7, 8]]
    assert folder.load_checkpoint("best").images == 5
    assert json.loads((folder.checkpoints / "best.json").read_text()) == {"images": 5, "folder": "000000000005"}


def test_best_without_a_mark_is_the_last(folder: RunFolder) -> None:
    save(folder, 1)
    save(folder, 2)
    assert folder.load_checkpoint("best").images == 2


def test_the_same_count_again_replaces_and_stays_best(folder: RunFolder) -> None:
    save(folder, 3, best=True)
    folder.save_checkpoint(images=3, tensors=tensors_of(9), state={"again": 1})
    assert folder.load_checkpoint("best").state == {"again": 1}
    assert folder.load_checkpoint().best
    assert saved_names(folder) == ["000000000003", "best.json"]


def test_foreign_files_are_never_deleted(folder: RunFolder) -> None:
    (folder.checkpoints / "notes.txt").write_text("mine")
    (folder.checkpoints / ".saving-mine").mkdir()
    (folder.checkpoints / "000000000009").mkdir()
    (folder.checkpoints / "000000000009" / "thesis.txt").write_text("mine")
    (save(folder, 1) / "remark.txt").write_text("mine")
    for images in range(2, 6):
        save(folder, images)
    save(folder, 9)
    names = saved_names(folder)
    assert {"notes.txt", ".saving-mine", "000000000001", "set-aside-000000000009"} <= set(names)
    assert (folder.checkpoints / "set-aside-000000000009" / "thesis.txt").read_text() == "mine"
    assert folder.load_checkpoint().images == 9


def test_leftovers_of_killed_saves_are_cleaned_by_the_next(folder: RunFolder) -> None:
    save(folder, 1)
    for name in (".saving-000000000002-0123abcd", ".removing-000000000000-0123abcd"):
        shutil.copytree(folder.checkpoints / "000000000001", folder.checkpoints / name)
    assert folder.load_checkpoint().images == 1
    save(folder, 3)
    assert saved_names(folder) == ["000000000001", "000000000003"]


def test_one_that_was_about_to_be_replaced_is_found_and_restored(folder: RunFolder) -> None:
    place = save(folder, 1)
    place.rename(folder.checkpoints / ".replaced-000000000001-0123abcd")
    assert_intact(folder.load_checkpoint())
    save(folder, 2)
    assert saved_names(folder) == ["000000000001", "000000000002"]


def test_damage_anywhere_is_found(folder: RunFolder) -> None:
    save(folder, 1)
    place = save(folder, 2)
    files = sorted(place.iterdir())
    dice = random.Random(20)
    for trial in range(160):
        file = files[trial % len(files)]
        sound = file.read_bytes()
        file.write_bytes(_damaged(sound, dice))
        checkpoint = folder.load_checkpoint()
        assert_intact(checkpoint)
        assert checkpoint.images == 1, f"{file.name}, trial {trial}"
        assert len(checkpoint.notes) == 1
        assert file.name in checkpoint.notes[0]
        file.write_bytes(sound)
    assert folder.load_checkpoint().images == 2


def _damaged(sound: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(sound))
    ways = (
        lambda: sound[:place] + bytes([sound[place] ^ (1 << dice.randrange(8))]) + sound[place + 1 :],
        lambda: sound[:place],
        lambda: sound + b"\n",
        lambda: sound[:place] + bytes(len(sound) - place - 1) + b"\x01",
    )
    damaged = dice.choice(ways)()
    return damaged if damaged != sound else sound[:-1]


def test_a_missing_file_and_a_swapped_manifest_are_found(folder: RunFolder) -> None:
    old, new = save(folder, 1), save(folder, 2)
    (new / "optimizer.safetensors").rename(folder.path / "moved")
    assert "optimizer.safetensors: missing" in folder.load_checkpoint().notes[0]
    (folder.path / "moved").rename(new / "optimizer.safetensors")
    shutil.copy(old / "manifest.json", new / "manifest.json")
    checkpoint = folder.load_checkpoint()
    assert checkpoint.images == 1
    assert "manifest.json" in checkpoint.notes[0]


def test_when_all_are_damaged_each_is_named(folder: RunFolder) -> None:
    for images in (1, 2):
        (save(folder, images) / "state.json").write_bytes(b"{}")
    with pytest.raises(MachineError, match=r"000000000002 .*state\.json.*000000000001 .*state\.json"):
        folder.load_checkpoint()


def test_a_damaged_one_does_not_count_as_one_of_the_two(folder: RunFolder) -> None:
    save(folder, 1)
    save(folder, 2)
    (folder.checkpoints / "000000000002" / "state.json").unlink()
    save(folder, 3)
    assert folder.saved_at() == [3, 1]


def test_a_manifest_can_not_name_files_elsewhere(folder: RunFolder) -> None:
    from sparring.runfolder import manifest

    save(folder, 1)
    place = save(folder, 2)
    data = b"secret"
    (folder.checkpoints / "state.json").write_bytes(data)
    marks = {"../state.json": manifest.mark(data), "state.json": manifest.mark(data)}
    forged = manifest.Manifest(images=2, best=False, offsets={}, files=marks)
    (place / "manifest.json").write_bytes(manifest.encode(forged))
    checkpoint = folder.load_checkpoint()
    assert checkpoint.images == 1
    assert "no file of a checkpoint" in checkpoint.notes[0]


def test_a_newer_format_is_refused_not_passed_over(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    from sparring.runfolder import manifest

    save(folder, 1)
    monkeypatch.setattr(manifest, "FORMAT", 2)
    save(folder, 2)
    monkeypatch.undo()
    with pytest.raises(UsageError, match="newer version"):
        folder.load_checkpoint()


def test_no_checkpoint_is_said(folder: RunFolder) -> None:
    with pytest.raises(UsageError, match="holds no checkpoint"):
        folder.load_checkpoint()


def test_too_little_room_is_refused_before_anything_is_written(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(folder, 1)
    size = sum(tensor.nbytes for named in tensors_of(2).values() for tensor in named.values())
    usage = shutil.disk_usage(folder.path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=size))
    before = saved_names(folder)
    with pytest.raises(MachineError, match="nearly full"):
        save(folder, 2)
    assert saved_names(folder) == before
    assert folder.load_checkpoint().images == 1


def test_state_that_json_would_change_is_refused(folder: RunFolder) -> None:
    with pytest.raises(TypeError, match=r"state\.steps: the key 3"):
        folder.save_checkpoint(images=1, tensors={}, state={"steps": {3: "x"}})
    with pytest.raises(ValueError, match="can't name a file"):
        folder.save_checkpoint(images=1, tensors={"../x": {}}, state={})


def test_state_floats_come_back_with_the_same_bits(folder: RunFolder) -> None:
    state = {"a": 0.1 + 0.2, "b": 5e-324, "c": float("inf"), "d": [1, 2.5, None, True, "é"], "e": 2**200}
    folder.save_checkpoint(images=1, tensors={}, state=state)
    assert folder.load_checkpoint().state == state


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_files_have_the_mode_that_the_umask_gives(folder: RunFolder) -> None:
    before = os.umask(0o027)
    try:
        place = save(folder, 1)
        folder.write_text("command.txt", "x")
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in place.iterdir()} == {0o640}
    assert place.stat().st_mode & 0o777 == 0o750
    assert (folder.path / "command.txt").stat().st_mode & 0o777 == 0o640
