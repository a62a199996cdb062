"""Recognises a data set by its tree."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.bundled import data_root
from fqss_tf.data.clips import Clip
from fqss_tf.data.folders import PARTS, Speaker, SpeakerFolders
from fqss_tf.data.librimix import LibriMix, mode_folders
from fqss_tf.data.mixtures import FixedMixture
from fqss_tf.data.source_folders import VOICE_AND_BACKGROUND, SourceFolders, has_sources
from fqss_tf.data.stems import StemFolders, looks_like_stems
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike


class DataSet(Protocol):
    """What every kind of data set answers; ``parts`` are those that are there."""

    root: Path
    kind: str
    parts: tuple[str, ...]

    def speakers(self, part: str) -> list[Speaker]:
        """Returns clean speech to be mixed on the fly."""

    def mixtures(self, part: str) -> list[FixedMixture]:
        """Returns the fixed mixtures that the set itself has."""

    def noises(self, part: str) -> list[Clip]:
        """Returns the noise that the set itself has."""


def open_data_set(
    root: PathLike, *, sample_rate: int | None = None, task: str = "sep_clean", mode: str = "",
    subset: str = "", sources: Sequence[str] = (), bad_files: BadFilePolicy | None = None,
) -> DataSet:
    """Opens LibriMix, MUSDB18-HQ, aligned stems, folders of named sources, or of speakers.

    Args:
        root: a folder, or ``bundled``.
        sample_rate: Hz, for LibriMix; None takes the only one that is there.
        task: for LibriMix, see there.
        mode: for LibriMix, see there.
        subset: for LibriMix, see there.
        sources: names in the order of the network's outputs; naming any says that ``root`` holds
            folders of these sources, see ``SourceFolders``, or stems, see ``StemFolders``. Folders
            of a voice and a background are found without.
        bad_files: a ``BadFilePolicy``; None raises at the first broken file.

    Raises:
        FqssError: no such folder, none of these trees, or the first thing that the tree lacks.
    """
    folder = data_root(root)
    if not folder.is_dir():
        raise FqssError(f"{root}: no such folder; give a data set")
    if mode_folders(folder):
        return LibriMix(folder, sample_rate=sample_rate, task=task, mode=mode, subset=subset,
                        bad_files=bad_files)
    nested = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and mode_folders(entry)]
    if nested:
        raise FqssError(f"{root}: give the data set in it, {nested[0]}")
    if packed := next(folder.glob("*/*.stem.mp4"), None):
        raise FqssError(
            f"{packed} holds all stems in one file: get MUSDB18-HQ, or unpack each file to a "
            "folder, train/<track>, by ffmpeg -i FILE -map 0:0 mixture.wav -map 0:1 drums.wav "
            "-map 0:2 bass.wav -map 0:3 other.wav -map 0:4 vocals.wav"
        )
    if not any((folder / part).is_dir() for part in PARTS):
        raise FqssError(
            f"{root}: is no data set; expected train/<speaker>/*.wav, train/voice and "
            "train/background, train/<track>/<stem>.wav or wav8k/min of LibriMix in it"
        )
    names = tuple(sources) or VOICE_AND_BACKGROUND
    if has_sources(folder, names):
        return SourceFolders(folder, names, bad_files)
    if sources or looks_like_stems(folder):
        return StemFolders(Path(folder), stems=sources, bad_files=bad_files)
    return SpeakerFolders(folder, bad_files)
