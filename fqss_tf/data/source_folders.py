"""Named sources in folders: ``<root>/<part>/<source>/**``, unaligned, to be mixed on the fly.

``<root>/train/voice/anna/1.flac`` is a clip of the group ``anna`` of the source ``voice``. Clips of
a group belong together, as those of one speaker do: short ones are joined. A file that lies in
the folder of the source itself is a group of its own.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.clips import AUDIO_SUFFIXES, Clip, is_audio, read_clips
from fqss_tf.data.folders import MANIFEST, PARTS, Speaker
from fqss_tf.data.manifest import manifest_mixtures
from fqss_tf.data.mixtures import FixedMixture
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

VOICE_AND_BACKGROUND = ("voice", "background")


class SourceFolders:
    """A folder of clips for each source, and fixed mixtures that ``<part>/mixtures.csv`` may list.

    Args:
        root: the data set folder.
        sources: names of the folders, in the order of the network's sources.
        bad_files: a ``BadFilePolicy``.
    """

    kind = "named sources"

    def __init__(
        self, root: PathLike, sources: Sequence[str], bad_files: BadFilePolicy | None = None
    ) -> None:
        self.root = Path(root)
        self.sources = tuple(sources)
        self._bad_files = BadFilePolicy() if bad_files is None else bad_files
        self.parts = tuple(part for part in PARTS if (self.root / part).is_dir())

    def groups(self, part: str) -> list[list[Speaker]]:
        """Returns the groups of each source, in the order of the sources.

        Raises:
            FqssError: a source is missing or has no audio; a broken file, if ``bad_files`` says so.
        """
        return [self._groups(part, source) for source in self.sources]

    def speakers(self, part: str) -> list[Speaker]:
        """Returns the groups of all sources that the part has; see ``groups``."""
        found = [source for source in self.sources if (self.root / part / source).is_dir()]
        return [group for source in found for group in self._groups(part, source)]

    def mixtures(self, part: str) -> list[FixedMixture]:
        """Returns the fixed mixtures of ``<part>/mixtures.csv``; none without such a file.

        Raises:
            FqssError: as ``manifest_mixtures``; or a mixture has another number of sources.
        """
        path = self.root / part / MANIFEST
        mixtures = manifest_mixtures(path, self._bad_files) if path.exists() else []
        for mixture in mixtures:
            if len(mixture.sources) != len(self.sources):
                raise FqssError(
                    f"{path}: {mixture.mixture_id} has {len(mixture.sources)} sources, not "
                    f"{', '.join(self.sources)}"
                )
        return [dataclasses.replace(mixture, labels=self.sources) for mixture in mixtures]

    def noises(self, part: str) -> list[Clip]:
        """Returns an empty list: every sound belongs to a source."""
        return []

    def _groups(self, part: str, source: str) -> list[Speaker]:
        folder = self.root / part / source
        paths = sorted(filter(is_audio, folder.rglob("*")))
        if not paths:
            suffixes = ", ".join(AUDIO_SUFFIXES)
            raise FqssError(f"{folder}: holds no {suffixes} files; each source needs some")
        clips: dict[str, list[Clip]] = defaultdict(list)
        for path, clip in read_clips(paths).items():
            if isinstance(clip, FqssError):
                self._bad_files.report(str(clip))
            else:
                clips[path.relative_to(folder).parts[0]].append(clip)
        return [
            Speaker(f"{source}/{name}", (str(self.root), source, name), tuple(group))
            for name, group in clips.items()
        ]


def has_sources(root: PathLike, sources: Sequence[str]) -> bool:
    """Tells whether a part of the folder has a folder for each of these sources."""
    parts = [Path(root) / part for part in PARTS]
    return any(all((part / source).is_dir() for source in sources) for part in parts)
