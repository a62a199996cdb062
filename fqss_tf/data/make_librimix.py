"""Makes a LibriMix-like set from clean speech, by the rules of the LibriMix scripts.

Cosentino et al., "LibriMix: an open-source dataset for generalizable speech separation" (2020),
section 2: the loudness of each source is uniform within -33 to -25 LUFS, that of the noise 5 LU
below; a source that would clip is brought to a peak of 0.9, and so is the mixture. Ours measures
at the rate of the set and without padding; theirs at 16 kHz, padded to the longest source.
"""

import contextlib
import csv
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fqss_tf.audio.files import write
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.clips import Clip
from fqss_tf.data.folders import GROUPS, PARTS, Speaker, check_groups, write_groups
from fqss_tf.data.loudness import loudness
from fqss_tf.data.mixtures import Piece
from fqss_tf.data.training_sources import noise_clips
from fqss_tf.data.utterances import Utterance, find_speakers, labels_of, utterances_of
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_folder
from fqss_tf.types import FloatArray, Json, OnProgress, PathLike

LOUDNESS_LUFS = (-33.0, -25.0)
NOISE_LOUDNESS_OFFSET = -5.0
PEAK = 0.9
# Pairs that were drawn before are drawn anew; where nearly all were, that would never end.
MOST_PASSES = 1000


@dataclass(frozen=True)
class MixOptions:
    """``rate`` in Hz, 8000 or 16000; ``mode`` ``min`` or ``max``.

    ``split``: shares of the speakers for train, dev and test, where the folders have no parts.
    ``counts``: mixtures of each part; 0 stands for as many as use each utterance once.
    ``least_seconds``, ``most_seconds``: of an utterance.
    """

    sources: int = 2
    rate: int = 8000
    mode: str = "min"
    seed: int = 0
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    counts: tuple[int, int, int] = (0, 0, 0)
    least_seconds: float = 3.0
    most_seconds: float = 20.0


class PartSummary(NamedTuple):
    """How many mixtures a part has, how many seconds they take, how many speakers they are of."""

    mixtures: int
    seconds: float
    speakers: int


class _Row(NamedTuple):
    """A mixture that is written; ``snr`` in dB of each source and noise in each kind of mix."""

    mixture_id: str
    samples: int
    snr: dict[str, list[float]]


def make_librimix(
    folders: Sequence[PathLike], output: PathLike, options: MixOptions, *,
    noise: Sequence[PathLike] = (), bad_files: BadFilePolicy | None = None,
    progress: OnProgress | None = None,
) -> dict[str, PartSummary]:
    """Writes ``<output>/wav8k|wav16k/<mode>/`` as ``fqss_tf.data.librimix`` reads it.

    Args:
        folders: see ``find_speakers``.
        output: folder, new or empty.
        options: ``MixOptions``. The same options and files give the same set.
        noise: folders of noise; with any, ``mix_both``, ``mix_single`` and ``noise`` are written
            too. One source needs some, and gets ``mix_single`` alone.
        bad_files: a ``BadFilePolicy``; None raises at the first broken file.
        progress: called as ``progress(done, total)`` after each mixture, if given.

    Returns:
        {part: ``PartSummary``}.

    Raises:
        FqssError: not enough speakers, one source and no noise, a broken file, or ``output`` is in
            use or cannot be written.
    """
    if options.sources == 1 and not noise:
        raise FqssError("one source alone is no mixture: name a folder of noise with --noise")
    bad_files = BadFilePolicy() if bad_files is None else bad_files
    output = Path(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FqssError(f"{output} is not empty: choose another folder")
    if options.rate not in (8000, 16000):
        raise FqssError(f"the rate of a LibriMix is 8000 or 16000 Hz, not {options.rate}")
    noises = noise_clips(noise, bad_files)
    rng = np.random.default_rng(options.seed)
    found = find_speakers(folders, bad_files)
    speakers = split_speakers(found, options, rng)
    if "" in found:
        for part in filter(speakers.get, PARTS):
            share = f"{len(speakers[part])} of {len(found[''])} speakers"
            check_groups(
                speakers[part], options.sources,
                f"part {part} gets {share} (change --split, or name more folders)",
            )
    drawn = {
        part: draw_mixtures(speakers[part], options, count, rng)
        for part, count in zip(PARTS, options.counts, strict=True) if speakers[part]
    }
    maker = _Maker(output, options, noises, bad_files, rng)
    return maker.make(drawn, speakers, folders, progress)


def split_speakers(
    found: Mapping[str, list[Speaker]], options: MixOptions, rng: np.random.Generator
) -> dict[str, list[Speaker]]:
    """Returns {part: speakers} of ``find_speakers``, parted by shares where they have no parts."""
    if "" not in found:
        return {part: found.get(part, []) for part in PARTS}
    # Whole groups are parted: two of a group may be one person.
    groups: dict[tuple[str, ...], list[Speaker]] = {}
    for speaker in found[""]:
        groups.setdefault(speaker.group, []).append(speaker)
    order = [groups[key] for key in sorted(groups)]
    order = [order[i] for i in rng.permutation(len(order))]
    ends = np.round(np.cumsum(options.split) / sum(options.split) * len(order)).astype(int)
    parts: dict[str, list[Speaker]] = {}
    first = 0
    for part, end in zip(PARTS, ends, strict=True):
        parts[part] = [speaker for group in order[first:end] for speaker in group]
        first = end
    return parts


def draw_mixtures(
    speakers: Sequence[Speaker], options: MixOptions, count: int, rng: np.random.Generator
) -> list[tuple[Utterance, ...]]:
    """Draws utterances of different groups to mix; each is used once before any is used again.

    Args:
        speakers: of one part.
        options: says how many sources a mixture has, and how long an utterance is.
        count: mixtures; 0 takes as many as use each utterance once.
        rng: decides everything.

    Returns:
        The utterances of each mixture; no two mixtures have the same.

    Raises:
        FqssError: the speakers do not suffice for ``count`` different mixtures.
    """
    check_groups(speakers, options.sources, "the folders")
    labels = labels_of(speakers)
    utterances: dict[tuple[str, ...], list[Utterance]] = {}
    for speaker, label in zip(speakers, labels, strict=True):
        utterances.setdefault(speaker.group, []).extend(utterances_of(
            speaker, label, rng, least_seconds=options.least_seconds,
            most_seconds=options.most_seconds,
        ))
    drawn: list[tuple[Utterance, ...]] = []
    known: set[frozenset[str]] = set()
    for _ in range(MOST_PASSES):
        for mixture in _one_pass(utterances, options.sources, rng):
            key = frozenset(utterance.name for utterance in mixture)
            if key not in known:
                known.add(key)
                drawn.append(mixture)
        if len(drawn) >= count:
            break
    if not drawn or len(drawn) < count:
        raise FqssError(
            f"{len(drawn)} different mixtures of utterances of {options.least_seconds:g} s or more "
            f"are all that {len(speakers)} speakers give, not {max(count, 1)}"
        )
    return drawn[:count] if count else drawn


def _one_pass(
    utterances: Mapping[tuple[str, ...], list[Utterance]], sources: int, rng: np.random.Generator
) -> Iterator[tuple[Utterance, ...]]:
    """Draws without putting back, groups in proportion to what they have left."""
    left = [list(rng.permutation(len(each))) for each in utterances.values()]
    of_group = list(utterances.values())
    while True:
        counts = np.array([len(each) for each in left], float)
        if np.count_nonzero(counts) < sources:
            return
        groups = rng.choice(len(counts), sources, replace=False, p=counts / counts.sum())
        yield tuple(of_group[group][left[group].pop()] for group in groups)


class _Maker:
    """Writes the files of one set; nothing is at ``output`` before all of it is."""

    def __init__(
        self, output: Path, options: MixOptions, noises: Sequence[Clip], bad_files: BadFilePolicy,
        rng: np.random.Generator,
    ) -> None:
        self._output, self._options, self._noises = output, options, noises
        self._bad_files, self._rng = bad_files, rng
        self._inner = Path(f"wav{options.rate // 1000}k") / options.mode
        self._building = output  # until ``make`` has a folder of its own
        self._mixes: tuple[str, ...] = ("mix_clean",)
        if noises:
            self._mixes = ("mix_clean", "mix_both", "mix_single")
        if options.sources == 1:
            self._mixes = ("mix_single",)

    def make(
        self, drawn: Mapping[str, Sequence[tuple[Utterance, ...]]],
        speakers: Mapping[str, Sequence[Speaker]], folders: Iterable[PathLike],
        progress: OnProgress | None,
    ) -> dict[str, PartSummary]:
        """Writes the drawn mixtures of each part, then puts the set in its place."""
        total, done = sum(map(len, drawn.values())), 0
        summary: dict[str, PartSummary] = {}
        with atomic_folder(self._output) as self._building:
            with _writing(self._output):
                (self._building / self._inner / "metadata").mkdir(parents=True)
            for part, mixtures in drawn.items():
                rows: list[_Row] = []
                used: set[str] = set()
                seconds = 0.0
                for mixture in mixtures:
                    try:
                        row = self._write_mixture(part, mixture)
                    except FqssError as error:
                        self._bad_files.report(str(error))
                    else:
                        rows.append(row)
                        seconds += row.samples / self._options.rate
                        used |= {utterance.label for utterance in mixture}
                    done += 1
                    if progress is not None:
                        progress(done, total)
                if not rows:
                    raise FqssError(f"none of the {len(mixtures)} mixtures of {part} can be made")
                self._write_metadata(part, rows)
                summary[part] = PartSummary(len(rows), seconds, len(used))
            self._write_origin(folders, speakers)
        return summary

    def _write_mixture(self, part: str, utterances: Sequence[Utterance]) -> _Row:
        rate = self._options.rate
        waveforms = [utterance.read(rate) for utterance in utterances]
        sources = [
            self._at_random_loudness(waveform, 0.0, utterance)
            for waveform, utterance in zip(waveforms, utterances, strict=True)
        ]
        longest = max(map(len, sources))
        if self._noises:
            sources.append(self._draw_noise(longest))
        mixture = _sum(np.pad(source, (0, longest - len(source))) for source in sources)
        scale = min(1.0, PEAK / np.abs(mixture).max())
        length = min(map(len, sources)) if self._options.mode == "min" else longest
        sources = [
            scale * np.pad(source, (0, longest - len(source)))[:length] for source in sources
        ]
        mixture_id = "_".join(utterance.name for utterance in utterances)
        count = self._options.sources
        added = {
            "mix_clean": sources[:count], "mix_both": sources,
            "mix_single": [sources[0], sources[-1]],
        }
        added = {mix: added[mix] for mix in self._mixes}
        files = {f"s{i + 1}": source for i, source in enumerate(sources[:count])}
        if self._noises:
            files["noise"] = sources[-1]
        files |= {mix: _sum(parts) for mix, parts in added.items()}
        for name, waveform in files.items():
            path = self._building / self._inner / part / name / f"{mixture_id}.wav"
            with _writing(self._output):
                path.parent.mkdir(parents=True, exist_ok=True)
            write(path, waveform, rate)
        return _Row(
            mixture_id, length,
            {name: [_snr(files[name], each) for each in added[name]] for name in added},
        )

    def _at_random_loudness(
        self, waveform: FloatArray, offset: float, utterance: Utterance
    ) -> FloatArray:
        found = loudness(waveform, self._options.rate)
        if not np.isfinite(found):
            path = utterance.parts[0].clip.path
            raise FqssError(f"{path}: has no loudness, it is silent or shorter than 0.4 s there")
        low, high = LOUDNESS_LUFS
        waveform = waveform * 10 ** ((self._rng.uniform(low, high) + offset - found) / 20)
        peak = np.abs(waveform).max()
        return waveform if peak < 1 else waveform * PEAK / peak

    def _draw_noise(self, samples: int) -> FloatArray:
        clip = self._noises[self._rng.integers(len(self._noises))]
        needed = -(-samples * clip.rate // self._options.rate)
        start = int(self._rng.integers(max(1, clip.frames - needed)))
        part = Piece(clip, start, min(needed, clip.frames - start))
        whole = Utterance("noise", (), (part,))
        waveform = whole.read(self._options.rate)
        waveform = np.resize(waveform, samples)
        return self._at_random_loudness(waveform, NOISE_LOUDNESS_OFFSET, whole)

    def _write_metadata(self, part: str, rows: Sequence[_Row]) -> None:
        """The paths are absolute, as other readers of LibriMix expect."""
        folder = self._output.absolute() / self._inner / part
        count = self._options.sources
        for mix in self._mixes:
            sources = [f"s{i + 1}" for i in range(1 if mix == "mix_single" else count)]
            noise = [] if mix == "mix_clean" else ["noise"]
            names = [f"source_{i + 1}" for i in range(len(sources))] + noise
            paths: list[list[object]] = []
            metrics: list[list[str]] = []
            for row in rows:
                file = f"{row.mixture_id}.wav"
                paths.append([
                    row.mixture_id, folder / mix / file,
                    *(folder / name / file for name in sources + noise), row.samples,
                ])
                metrics.append([row.mixture_id, *(f"{snr:.4f}" for snr in row.snr[mix])])
            header = ["mixture_ID", "mixture_path", *(f"{name}_path" for name in names), "length"]
            self._write_csv(f"mixture_{part}_{mix}.csv", header, paths)
            header = ["mixture_ID", *(f"{name}_SNR" for name in names)]
            self._write_csv(f"metrics_{part}_{mix}.csv", header, metrics)

    def _write_csv(
        self, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        path = self._building / self._inner / "metadata" / name
        with _writing(path), open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([header, *rows])

    def _write_origin(
        self, folders: Iterable[PathLike], speakers: Mapping[str, Sequence[Speaker]]
    ) -> None:
        groups: dict[str, str] = {}
        for each in speakers.values():
            for speaker, label in zip(each, labels_of(each), strict=True):
                if speaker.group[-2] == "group":
                    groups[label] = speaker.group[-1]
        origin: Json = {"folders": [str(folder) for folder in folders]} | asdict(self._options)
        origin["speakers"] = {part: labels_of(each) for part, each in speakers.items()}
        with _writing(self._output):
            if groups:
                write_groups(self._building / self._inner / "metadata" / GROUPS, groups)
            (self._building / "origin.json").write_text(json.dumps(origin, indent=1))


@contextlib.contextmanager
def _writing(path: PathLike) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FqssError(f"cannot write {path}: {error.strerror or error}") from error


def _sum(waveforms: Iterable[FloatArray]) -> FloatArray:
    return functools.reduce(np.add, waveforms)


def _snr(mixture: FloatArray, source: FloatArray) -> float:
    others = np.mean(np.square(mixture - source)) + 1e-10
    return 10 * np.log10(np.mean(np.square(source)) / others + 1e-10)
