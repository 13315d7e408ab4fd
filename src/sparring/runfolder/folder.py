"""The folder of one run: the engine writes through it, everybody else reads through it.

    runs/digits-gan-001/
      run.json                                       marks the folder as a run, and its format
      recipe.json  command.txt  environment.json  data.json
      metrics.csv  METRICS.md  events.jsonl          tables, appended to
      samples/  checkpoints/  report.html
    runs/latest                                      a text file that holds the name of the newest run

Files are there whole or not at all. One process at a time may write: `create` and `lock` see to it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sparring.errors import UsageError
from sparring.runfolder import checkpoint as checkpoints
from sparring.runfolder import lock, places, retention, tables
from sparring.runfolder.atomic import cut_file, machine_errors, replace_file, sweep, sync_file, sync_folder
from sparring.runfolder.checkpoint import Checkpoint
from sparring.runfolder.names import fit_name, sample_images
from sparring.runfolder.tables import Cell

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
METRICS = "metrics.csv"
MEANINGS = "METRICS.md"
EVENTS = "events.jsonl"
_TABLES = (METRICS, EVENTS)


class RunFolder:
    """One run's folder. Use `create` for a new run and `open` for one that is there.

    Args:
        path: the folder; kept as an absolute path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = lock.FolderLock(self.path)
        self._columns: list[str] = []

    @property
    def samples(self) -> Path:
        """Where the pictures made during training are."""
        return self.path / places.SAMPLES

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.path / places.CHECKPOINTS

    @classmethod
    def create(cls, path: Path | None, *, name: str, root: Path = Path("runs")) -> "RunFolder":
        """Make a run folder, take its lock, and note it as the latest one.

        Args:
            path: the folder that the user asked for, absent or empty; None: the next free `root/name-NNN`.
            name: what the run is called where no folder is given ("digits-gan").
            root: the folder of runs, made where it is absent.

        Raises:
            UsageError: `path` holds something already, or another process is about to use it.
            MachineError: the disk refused.
        """
        place = path if path is not None else root / fit_name(name)
        with machine_errors(place):
            folder = cls(places.make_given(place) if path is not None else places.make_numbered(root, place.name))
            folder.lock()
            try:
                folder._begin()
            except BaseException:
                folder.unlock()
                raise
        return folder

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """Open a run to read it; call `lock` before writing to it.

        Args:
            path: a run folder, or a file such as `runs/latest` that holds the name of one beside it.

        Raises:
            UsageError: there is no such run, the folder is none, or a newer version of sparring made it.
        """
        place = places.follow(Path(path).expanduser())
        if not place.is_dir():
            raise UsageError(f"{place}: no such run. {places.known_runs(place)}")
        if not (place / places.MARK).is_file():
            raise UsageError(f"{place}: not a run folder (it has no {places.MARK}). {places.known_runs(place)}")
        folder = cls(place)
        folder._refuse_newer()
        return folder

    def lock(self) -> None:
        """Take the folder for writing; a process that was killed never keeps it.

        Raises:
            UsageError: another process trains in it.
            MachineError: it can't be written to.
        """
        self._lock.acquire()

    def unlock(self) -> None:
        """Give the folder back to other writers."""
        self._lock.release()

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file of the run, whole or not at all; `read_json` gives the same floats back.

        Raises:
            MachineError: the disk refused.
        """
        self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def read_json(self, name: str) -> Any:
        """Read a JSON file of the run.

        Raises:
            UsageError: it is absent, or no JSON.
            MachineError: the system can't read it.
        """
        text = self.read_text(name)
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{self.path / name}: not JSON ({error}). Put the file back as it was written.") from None

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the run (UTF-8, line ends as given), whole or not at all.

        Raises:
            MachineError: the disk refused.
        """
        path = self.path / name
        with machine_errors(path):
            replace_file(path, text.encode())

    def read_text(self, name: str) -> str:
        """Read a text file of the run.

        Raises:
            UsageError: it is absent, or not UTF-8.
            MachineError: the system can't read it.
        """
        path = self.path / name
        try:
            with machine_errors(path):
                return path.read_bytes().decode() if path.exists() else self._absent(path)
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}: not UTF-8 text ({error}). Put the file back as it was written.") from None

    def start_table(self, columns: Mapping[str, str]) -> None:
        """Begin metrics.csv and write METRICS.md; on a resumed run, go on with the table that is there.

        Args:
            columns: for each column, in order, its meaning in one line.

        Raises:
            UsageError: the run's table has other columns.
            MachineError: the disk refused.
        """
        path = self.path / METRICS
        present, _ = tables.read_table(path)
        if present and present != list(columns):
            raise UsageError(_other_columns(path, present, list(columns)))
        if present:
            tables.drop_torn_line(path)
        else:
            with machine_errors(path):
                replace_file(path, tables.header_line(list(columns)))
        self.write_text(MEANINGS, tables.meanings_text(columns))
        self._columns = list(columns)

    def append_row(self, row: Mapping[str, Cell]) -> None:
        """Append one measurement to metrics.csv, as one line. Nothing that depends on the clock belongs there.

        Args:
            row: values by column; floats come back with the same bits. A column left out, or None, stays empty.

        Raises:
            ValueError: a column that the table does not have.
            MachineError: the disk refused; the table is as it was.
        """
        assert self._columns, "start_table comes before append_row"
        tables.append(self.path / METRICS, tables.row_line(self._columns, row))

    def rows(self) -> list[dict[str, Cell]]:
        """Every measurement so far, oldest first: int, float, text, or None where the cell is empty."""
        return tables.read_table(self.path / METRICS)[1]

    def meanings(self) -> dict[str, str]:
        """The columns of metrics.csv and what each means; empty before the table was begun."""
        path = self.path / MEANINGS
        return tables.read_meanings(self.read_text(MEANINGS)) if path.exists() else {}

    def append_event(self, *, kimg: float, kind: str, severity: str, values: Mapping[str, Any], text: str) -> None:
        """Append one event to events.jsonl.

        Args:
            kimg: thousands of reals seen.
            kind: what it is, in a word ("checkpoint", "collapse").
            severity: "info", "warning" or "error".
            values: the numbers behind it; `nan` and `inf` become strings.
            text: one or two sentences for a person.

        Raises:
            MachineError: the disk refused; the file is as it was.
        """
        line = tables.event_line(kimg=kimg, kind=kind, severity=severity, values=values, text=text)
        tables.append(self.path / EVENTS, line)

    def events(self) -> list[dict[str, Any]]:
        """Every event so far, oldest first, as `append_event` was given it."""
        return tables.read_events(self.path / EVENTS)

    def save_checkpoint(
        self,
        *,
        images: int,
        tensors: Mapping[str, Mapping[str, "Tensor"]],
        state: Mapping[str, Any],
        best: bool = False,
    ) -> Path:
        """Save everything that is needed to go on; the last two and the best checkpoint are kept.

        The tables are forced to the disk first, and their sizes noted, so that `cut_back` can return to this moment.

        Args:
            images: count of reals seen; a checkpoint of the same count is replaced, and stays best if it was.
            tensors: tensors of any device and layout by name, by file stem: {"generator": {"net.0.weight": ...}}.
            state: what JSON can hold, with string keys only (tuples come back as lists).
            best: whether no earlier checkpoint was better.

        Returns:
            The folder of the checkpoint.

        Raises:
            MachineError: free space below 1.2 times the checkpoint, or the disk refused midway; the earlier ones stay.
        """
        with machine_errors(self.path):
            offsets = {name: sync_file(self.path / name) for name in _TABLES}
            sync_folder(self.path)
        return checkpoints.save(
            self.checkpoints, images=images, tensors=tensors, state=state, best=best, offsets=offsets
        )

    def load_checkpoint(self, which: Literal["last", "best"] = "last") -> Checkpoint:
        """Load a checkpoint, every byte checked against its manifest.

        Args:
            which: the last one, or the best one (the last where none was marked). A damaged one is passed over for the
                newest that is whole; `Checkpoint.notes` says which file, and why.

        Raises:
            UsageError: the run has no checkpoint, or a newer version of sparring wrote it.
            MachineError: all of them are damaged, or the system can't read them.
        """
        return checkpoints.load(self.checkpoints, which)

    def saved_at(self) -> list[int]:
        """The counts of reals at which complete checkpoints are there, newest first; nothing is read but manifests.

        Raises:
            MachineError: the system can't read them.
        """
        with machine_errors(self.checkpoints):
            places = retention.complete(self.checkpoints)
        return [images for place in places if (images := retention.images_of(place)) is not None]

    def cut_back(self, checkpoint: Checkpoint) -> None:
        """Make the run what it was when the checkpoint was saved: tables, pictures, and no newer checkpoint.

        Newer checkpoints are renamed to `set-aside-...`. A kill in the middle does no harm: do it again.

        Args:
            checkpoint: one that `load_checkpoint` gave.

        Raises:
            UsageError: a table was changed by somebody, so that it can't be cut where the checkpoint says.
            MachineError: the disk refused.
        """
        for name in _TABLES:
            tables.check_offset(self.path / name, checkpoint.offsets.get(name, 0))
        with machine_errors(self.path):
            # First of all, so that a second try finds the same last checkpoint.
            retention.set_aside_newer(self.checkpoints, checkpoint.path)
            for name in _TABLES:
                self._cut_table(name, checkpoint.offsets.get(name, 0))
            self._remove_newer_samples(checkpoint.images)
            sweep(self.path)

    def _begin(self) -> None:
        # Once more, under the lock: another process may have begun here, and ended, since the folder was found empty.
        places.refuse_filled(self.path)
        sweep(self.path)
        self.samples.mkdir(exist_ok=True)
        self.checkpoints.mkdir(exist_ok=True)
        self.write_json(places.MARK, {"format": FORMAT, "kind": "sparring run"})
        places.point_to(self.path)

    def _cut_table(self, name: str, size: int) -> None:
        path = self.path / name
        if path.exists():
            cut_file(path, size)

    def _remove_newer_samples(self, images: int) -> None:
        self.samples.mkdir(exist_ok=True)
        sweep(self.samples)
        for picture in list(self.samples.iterdir()):
            made_at = sample_images(picture.name)
            if made_at is not None and made_at > images:
                picture.unlink()
        sync_folder(self.samples)

    def _refuse_newer(self) -> None:
        mark = self.read_json(places.MARK)
        found = mark.get("format") if isinstance(mark, dict) else None
        if not isinstance(found, int):
            raise UsageError(f"{self.path / places.MARK}: names no format. Put the file back as it was written.")
        if found > FORMAT:
            raise UsageError(
                f"{self.path}: made by a newer version of sparring (run format {found}, this one reads up to "
                f"{FORMAT}). Update sparring."
            )

    def _absent(self, path: Path) -> str:
        raise UsageError(f"{path}: missing; the run was stopped before it was written, or the file was removed.")


def _other_columns(path: Path, present: list[str], asked: list[str]) -> str:
    gone = [column for column in present if column not in asked]
    new = [column for column in asked if column not in present]
    parts = [f"without {', '.join(gone)}"] * bool(gone) + [f"with {', '.join(new)}"] * bool(new)
    change = " and ".join(parts) or "in another order"
    return (
        f"{path}: the run was started with other columns; it is now to go on {change}. "
        "Resume it with the settings it was started with, or start another run with `--like`."
    )
