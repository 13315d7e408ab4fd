"""What is seen on a terminal, and the lines that are printed without one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Command
from job.helpers import TINY, environment, make_pictures
from sparring.cli.terminal import clock, progress_facts
from sparring.engine.record import Progress

pty = pytest.importorskip("pty", reason="pseudo-terminals of POSIX")


def on_a_terminal(place: Path, *words: str) -> tuple[str, str]:
    """What a command writes to a terminal of 100 columns, and to a file that standard output goes to."""
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "sparring", *words],
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=slave,
            env=environment(COLUMNS="100", TERM="xterm", SPARRING_CACHE=str(place / "cache")),
        )
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65_536)
            except OSError:  # Linux says so when the last writer has gone
                break
            if not piece:
                break
            shown += piece
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, shown.decode()
        return shown.decode(), out.decode()
    finally:
        os.close(master)


def test_a_terminal_gets_a_bar_and_a_file_none(place: Path) -> None:
    make_pictures(place / "photos", 300)
    shown, out = on_a_terminal(place, "train", "photos", *TINY, "--kimg", "0.8")
    assert "training" in shown and "0.8/0.8 kimg" in shown and "D right" in shown and "━" in shown
    assert " images/s  " not in out and "\x1b" not in out
    assert out.splitlines()[0] == out.splitlines()[-1] == str(place / "runs" / "photos-gan-001")


def test_json_on_a_terminal_is_pure_as_well(place: Path) -> None:
    shown, out = on_a_terminal(place, "train", "digits", *TINY, "--kimg", "0.064", "--json")
    assert out.startswith("{") and out.endswith("}\n")
    assert "kimg" in shown


def test_facts_of_a_log_point() -> None:
    row = {"discriminator_accuracy": 0.876, "discriminator_adversarial": 0.5, "fd_conv": 0.25, "fd_conv_floor": 0.1}
    facts = progress_facts(Progress(kimg=1, until_kimg=2, images_per_second=123.4, seconds_left=75, row=row))
    assert facts == "123 images/s  1:15 left  D right 88 %  loss D 0.5 G -  fd_conv 0.25 (floor 0.1)  coverage - (-)"


def test_facts_of_a_boltzmann_machine() -> None:
    row = {"autoencoder_divergence": -0.25, "validation_pseudo_likelihood": -60.5}
    facts = progress_facts(Progress(kimg=1, until_kimg=2, images_per_second=10.0, seconds_left=5, row=row))
    assert facts.endswith("data over chains -0.25 nats  held out: pseudo-likelihood -60.5")


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (3_599, "59:59"), (3_600, "1:00:00")])
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_check_says_what_will_be_read(sparring: Command, place: Path) -> None:
    make_pictures(place / "photos", 20)
    (place / "photos" / "notes.txt").write_text("x")
    ended = sparring("check", "photos")
    assert ended.code == 0 and not ended.err
    assert ended.lines[0].startswith("20 pictures in photos")
    assert "notes.txt" in ended.out
    assert ended.lines[-1] == "next: sparring train photos"
