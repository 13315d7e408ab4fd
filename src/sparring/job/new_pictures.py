"""Pictures that a run has not seen, read from a user's files and fitted as those that it was trained on."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sparring.data.collection import FilePlace, Skipped
from sparring.data.decode import fit_picture, read_picture, reason_of, strict_pillow
from sparring.data.folder import list_folder
from sparring.data.listing import Entry, Listing, printable
from sparring.data.places import read_bytes
from sparring.errors import DataError
from sparring.job.run import Pixels, Run


def list_pictures(source: Path, *, option: str = "") -> Listing:
    """What lies in a folder, or one picture.

    Args:
        option: of the command line, as a message begins.

    Raises:
        DataError: neither is there.
    """
    if source.is_file():
        listing = Listing()
        listing.entries.append(Entry(source.name, FilePlace(str(source), 0, None), source.stat().st_size))
        return listing
    if not source.is_dir():
        raise DataError(f"{option}{source}: no such folder or picture. Give a folder of pictures, or one of them.")
    return list_folder(source)


def read_new(
    run: Run, entries: Sequence[Entry], *, channels: int, skipped: list[Skipped]
) -> Iterator[tuple[Entry, Pixels]]:
    """Each picture, uint8 [H, W, C] of the run's size; what can't be read is added to `skipped`, with the reason."""
    for entry in entries:
        data = b""
        try:
            data = read_bytes(entry.place)
            with strict_pillow():
                image = read_picture(data).image
        except Exception as error:  # damaged bytes make decoders raise anything; the picture is named and skipped
            skipped.append(Skipped(name=printable(entry.name), reason=reason_of(error, data)))
            continue
        yield entry, fit_picture(image, size=run.picture_spec.height, fit=run.recipe.data.fit, channels=channels)


def read_one(run: Run, source: Path, *, channels: int) -> Pixels:
    """One picture, uint8 [H, W, C] of the run's size.

    Raises:
        DataError: it is not there, or can't be read.
    """
    if not source.is_file():
        raise DataError(f"{source}: no such file. Give one picture.")
    skipped: list[Skipped] = []
    read = list(read_new(run, list_pictures(source).entries, channels=channels, skipped=skipped))
    if not read:
        raise DataError(f"{source}: {skipped[0].reason}. Give a picture that can be opened.")
    return read[0][1]


def refuse_none(source: Path, skipped: Sequence[Skipped], *, option: str = "") -> DataError:
    """What to raise where nothing could be read."""
    shown = "".join(f"\n  {lost.name}: {lost.reason}" for lost in skipped[:5])
    return DataError(f"{option}{source}: there is no picture in it.{' Found:' if shown else ''}{shown}")
