"""Music as aligned stems: MUSDB18-HQ, and any folder of tracks laid out like it.

``<root>/<part>/<track>/`` holds one file for each stem, all of one rate and length, and perhaps
``mixture.wav``, their sum. MUSDB18-HQ (Rafii et al. 2019) has ``train`` and ``test`` and the stems
drums, bass, other, vocals.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.clips import Clip, is_audio, is_visible_folder, read_clips, usable
from fqss_tf.data.folders import PARTS, Speaker
from fqss_tf.data.mixtures import FixedMixture, Piece
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

MUSDB_STEMS = ("drums", "bass", "other", "vocals")
MIXTURE = "mixture"
# The tracks of train that the authors of MUSDB18 set apart (``musdb`` 0.4, configs/mus.yaml).
MUSDB_VALIDATION = frozenset((
    "Actions - One Minute Smile", "Clara Berry And Wooldog - Waltz For My Victims",
    "Johnny Lokke - Promises & Lies", "Patrick Talbot - A Reason To Leave",
    "Triviul - Angelsaint", "Alexander Ross - Goodbye Bolero", "Fergessen - Nos Palpitants",
    "Leaf - Summerghost", "Skelpolu - Human Mistakes", "Young Griffo - Pennies",
    "ANiMAL - Rockshow", "James May - On The Line", "Meaxic - Take A Step",
    "Traffic Experiment - Sirens",
))


class StemFolders:
    """Tracks of aligned stems.

    Args:
        root: the data set folder.
        stems: their names in the order of the network's sources; empty takes that of MUSDB18, or
            the alphabet.
        bad_files: a ``BadFilePolicy``.

    Raises:
        FqssError: naming the first thing that the tree lacks.
    """

    def __init__(
        self, root: PathLike, *, stems: Sequence[str] = (), bad_files: BadFilePolicy | None = None
    ) -> None:
        self.root = Path(root)
        self._bad_files = BadFilePolicy() if bad_files is None else bad_files
        self._tracks = self._find_tracks()
        self.parts = tuple(part for part in PARTS if self._tracks[part])
        names = _stem_names(next(iter(self._tracks[self.parts[0]])))
        if not names:
            example = f"<track>/{(*stems, 'vocals')[0]}.wav"
            raise FqssError(f"{self.root}: its tracks hold no stems, such as {example}")
        is_musdb = set(names) == set(MUSDB_STEMS)
        self.kind = "MUSDB18-HQ" if is_musdb else "stems"
        self.stems = tuple(stems) or (MUSDB_STEMS if is_musdb else tuple(names))
        if set(self.stems) != set(names):
            raise FqssError(
                f"{self.root}: has the stems {', '.join(names)} but data.sources names "
                f"{', '.join(self.stems)}"
            )

    def speakers(self, part: str) -> list[Speaker]:
        """Returns an empty list: stems are mixed by what they are, not by who plays."""
        return []

    def noises(self, part: str) -> list[Clip]:
        """Returns an empty list: every sound of a track belongs to a stem."""
        return []

    def mixtures(self, part: str) -> list[FixedMixture]:
        """Returns each track of a part as one fixed mixture.

        Raises:
            FqssError: naming the first broken track, if ``bad_files`` says so.
        """
        if not self._tracks[part]:
            raise FqssError(f"{self.root / part}: holds no tracks; expected <track>/<stem>.wav")
        files = {track: _files(track) for track in self._tracks[part]}
        clips = read_clips([f for each in files.values() for f in each.values()])
        mixtures = []
        for track, by_name in files.items():
            try:
                mixtures.append(self._mixture(track, {n: clips[f] for n, f in by_name.items()}))
            except FqssError as error:
                self._bad_files.report(str(error))
        return mixtures

    def _find_tracks(self) -> dict[str, list[Path]]:
        tracks = {part: _folders(self.root / part) for part in PARTS}
        if not any(tracks.values()):
            raise FqssError(f"{self.root}: holds no train/<track>/<stem>.wav")
        if not tracks["dev"]:
            tracks["dev"] = [t for t in tracks["train"] if t.name in MUSDB_VALIDATION]
            tracks["train"] = [t for t in tracks["train"] if t.name not in MUSDB_VALIDATION]
        return tracks

    def _mixture(self, track: Path, found: Mapping[str, Clip | FqssError]) -> FixedMixture:
        for name in self.stems:
            if name not in found:
                raise FqssError(f"{track / name}.wav: is missing")
        clips = {name: usable(clip) for name, clip in found.items()}
        first = clips[self.stems[0]]
        for name in (*self.stems, *((MIXTURE,) if MIXTURE in clips else ())):
            clip = clips[name]
            if clip.rate != first.rate:
                raise FqssError(
                    f"{clip.path}: has {clip.rate} Hz but {self.stems[0]} has {first.rate} Hz"
                )
            if clip.frames != first.frames:
                raise FqssError(
                    f"{clip.path}: has {clip.frames} samples but {self.stems[0]} has "
                    f"{first.frames}; aligned stems are equally long"
                )
        whole = {name: Piece(clip, 0, clip.frames) for name, clip in clips.items()}
        return FixedMixture(
            mixture_id=track.name,
            sources=tuple(whole[name] for name in self.stems),
            labels=self.stems,
            mixture=whole.get(MIXTURE),
        )


def looks_like_stems(root: PathLike) -> bool:
    """Tells whether the folders of a part look like tracks of stems.

    They have files of equal names then, those of one folder of equal length.
    A mixture file settles it. Clips of speakers may be equally named and long, too, but then they
    are numbered: without a mixture file, names with digits are not taken for stems.
    """
    for part in PARTS:
        tracks = _folders(Path(root) / part)
        if any(MIXTURE in _files(track) for track in tracks):
            return True
        if tracks:
            names = [tuple(_files(track)) for track in tracks]
            numbered = any(character.isdigit() for name in names[0] for character in name)
            if len(names[0]) < 2 or len(set(names)) > 1 or numbered:
                return False
            aligned = [_is_aligned(track) for track in tracks[:5]]
            return sum(aligned) * 2 > len(aligned)
    return False


def _is_aligned(track: Path) -> bool:
    clips = read_clips(_files(track).values()).values()
    return len({getattr(clip, "frames", clip) for clip in clips}) == 1


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(filter(is_visible_folder, folder.iterdir()))


def _files(track: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(track.iterdir()) if is_audio(path)}


def _stem_names(track: Path) -> list[str]:
    return [name for name in _files(track) if name != MIXTURE]
