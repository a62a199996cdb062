"""Recognises a data set by its tree.

Every kind answers the same questions: ``parts`` that are there; ``speakers(part)``, clean speech
to be mixed on the fly; ``mixtures(part)``, its own fixed mixtures; ``noises(part)``.
"""

from pathlib import Path

from fqss_tf.data.bundled import data_root
from fqss_tf.data.folders import PARTS, SpeakerFolders
from fqss_tf.data.librimix import LibriMix, mode_folders
from fqss_tf.data.stems import StemFolders, looks_like_stems
from fqss_tf.errors import FqssError


def open_data_set(root, *, sample_rate=None, task="sep_clean", mode="", subset="", stems=(),
                  bad_files=None):
    """Opens LibriMix, MUSDB18-HQ, folders of aligned stems, or folders of speakers.

    Args:
        root: a folder, or ``bundled``.
        sample_rate, task, mode, subset: for LibriMix, see there.
        stems: for stems, see ``StemFolders``; naming any says that ``root`` holds stems.
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
    if not any((folder / part).is_dir() for part in PARTS):
        raise FqssError(
            f"{root}: is no data set; expected train/<speaker>/*.wav, train/<track>/<stem>.wav "
            "or wav8k/min of LibriMix in it"
        )
    if stems or looks_like_stems(folder):
        return StemFolders(Path(folder), stems=stems, bad_files=bad_files)
    return SpeakerFolders(folder, bad_files)
