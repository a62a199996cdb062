"""From the data section of a recipe to what training mixes and what it is scored on."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.bundled import BUNDLED
from fqss_tf.data.bundled_voices import BundledVoices
from fqss_tf.data.clips import Clip, is_audio, read_clips
from fqss_tf.data.folders import Speaker, check_groups
from fqss_tf.data.mixtures import FixedMixture
from fqss_tf.data.plan import TrainingSources
from fqss_tf.data.sets import DataSet, open_data_set
from fqss_tf.data.source_folders import SourceFolders
from fqss_tf.data.stand_in import StandIn, is_bundled, stand_ins
from fqss_tf.data.stems import StemFolders
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike

if TYPE_CHECKING:
    from fqss_tf.config import DataRecipe

# What a data set is mixed from.
STEMS, NAMED_SOURCES = "stems", "named sources"
# A song takes minutes; a score needs seconds.
logger = logging.getLogger(__name__)

MOST_DEV_SECONDS = 30.0
_Scored = TypeVar("_Scored", bound=FixedMixture | StandIn)


def check_roots(data: "DataRecipe", bad_files: BadFilePolicy | None = None) -> list[DataSet]:
    """Opens the data sets of ``data.datasets``, each of which has a part to train on.

    Raises:
        FqssError: as ``open_data_set``; or a set has no part ``train``.
    """
    sets = _open_sets(data, bad_files)
    for data_set in sets:
        if "train" not in data_set.parts:
            raise FqssError(f"data.datasets: {data_set.root} has no part train")
    return sets


def _open_sets(data: "DataRecipe", bad_files: BadFilePolicy | None) -> list[DataSet]:
    return [_open_set(root, data, bad_files) for root in data.datasets]


def _open_set(root: str, data: "DataRecipe", bad_files: BadFilePolicy | None) -> DataSet:
    if root == BUNDLED and not data.sources:
        return BundledVoices(bad_files)
    return open_data_set(
        root, sample_rate=data.sample_rate, task=data.task, mode=data.mode, subset=data.subset,
        sources=data.sources, bad_files=bad_files,
    )


def training_sources(
    data: "DataRecipe", sources: int, bad_files: BadFilePolicy | None = None
) -> TrainingSources:
    """Collects what the training parts hold.

    Args:
        data: a ``DataRecipe``.
        sources: of each mixture.
        bad_files: a ``BadFilePolicy``; None makes one of ``data.on_bad_file``.

    Returns:
        A ``TrainingSources``.

    Raises:
        FqssError: naming the first thing that is missing or does not fit.
    """
    bad_files = BadFilePolicy(data.on_bad_file) if bad_files is None else bad_files
    sets = check_roots(data, bad_files)
    kinds = sorted({_what_is_mixed(each) for each in sets}, reverse=True)
    if len(kinds) > 1:
        raise FqssError(
            f"data.datasets: {kinds[0]} and {kinds[1]} cannot be mixed; train on one of them"
        )
    stems = kinds == [STEMS]
    speakers: list[Speaker] = []
    group_counts: tuple[int, ...] = ()
    mixtures: list[FixedMixture] = []
    if kinds == [NAMED_SOURCES]:
        speakers, group_counts = _groups_of_sources(data, sets)
    elif data.dynamic_fraction > 0 and not stems:
        speakers = [speaker for each in sets for speaker in each.speakers("train")]
        check_groups(speakers, sources, ", ".join(str(each.root / "train") for each in sets))
    if data.dynamic_fraction < 1 or stems:
        mixtures = [mixture for each in sets for mixture in each.mixtures("train")]
    for mixture in mixtures:
        _check_sources(mixture, sources)
    noises = [clip for each in sets for clip in each.noises("train")]
    noises += noise_clips(data.noise_datasets, bad_files)
    return TrainingSources(tuple(speakers), tuple(mixtures), tuple(noises), stems, group_counts)


def _what_is_mixed(data_set: DataSet) -> str:
    kinds = {StemFolders: STEMS, SourceFolders: NAMED_SOURCES}
    return kinds.get(type(data_set), "speech")


def _groups_of_sources(
    data: "DataRecipe", sets: Iterable[DataSet]
) -> tuple[list[Speaker], tuple[int, ...]]:
    """The groups of all data sets, source by source, and how many of them each source has."""
    if not data.sources:
        raise FqssError(
            "data.datasets hold folders of named sources: name them in the order of the network's "
            "outputs, for example data.sources=[voice,background]"
        )
    of_sets = [each.groups("train") for each in sets if isinstance(each, SourceFolders)]
    of_sources = [
        [group for groups in found for group in groups]
        for found in zip(*of_sets, strict=True)
    ]
    groups = [group for each in of_sources for group in each]
    return groups, tuple(map(len, of_sources))


def noise_clips(folders: Iterable[PathLike], bad_files: BadFilePolicy) -> list[Clip]:
    """Describes every audio file in the folders, however deep.

    Raises:
        FqssError: a folder is missing or holds no audio; a broken file, if ``bad_files`` says so.
    """
    clips = []
    for folder in map(Path, folders):
        paths = sorted(filter(is_audio, folder.rglob("*")))
        if not paths:
            raise FqssError(f"{folder}: holds no audio files; data.noise_datasets names it")
        for clip in read_clips(paths).values():
            if isinstance(clip, FqssError):
                bad_files.report(str(clip))
            else:
                clips.append(clip)
    return clips


def scored_mixtures(
    data: "DataRecipe", part: str, sources: int, bad_files: BadFilePolicy | None = None,
    most_seconds: float | None = MOST_DEV_SECONDS, substitutes: bool = True,
) -> list[FixedMixture | StandIn]:
    """Finds the fixed mixtures of a part, of the first root that has any, else stand-ins.

    The bundled audio counts as a root without any unless it has the sources and the rate asked
    for; it is what the stand-ins are made of, see ``stand_ins``.

    Args:
        data: a ``DataRecipe``.
        part: ``dev`` or ``test``.
        sources: of each mixture.
        bad_files: a ``BadFilePolicy``; None makes one of ``data.on_bad_file``.
        most_seconds: of longer ones the middle is taken; None takes all of it.
        substitutes: whether stand-ins will do.

    Returns:
        A list of ``FixedMixture`` or ``StandIn`` that can be decoded, of at most
        ``data.dev_mixtures`` of them if that is not 0, evenly taken.

    Raises:
        FqssError: they are broken, all of them if ``bad_files`` skips, of another rate, or of
            another number of sources; or there are none, and no ``substitutes``.
    """
    bad_files = BadFilePolicy(data.on_bad_file) if bad_files is None else bad_files
    sets = _open_sets(data, bad_files)
    for data_set in sets:
        mixtures = data_set.mixtures(part) if part in data_set.parts else []
        if mixtures and not (is_bundled(data_set) and _differs(mixtures[0], data, sources)):
            break
    else:
        if data.sources and not any(map(is_bundled, sets)):
            raise FqssError(
                f"data.datasets have no {part} mixtures of {', '.join(data.sources)} to score on: "
                "fqss-tf data mix makes some"
            )
        if not substitutes:
            raise FqssError(
                f"{', '.join(data.datasets)} has no {part} mixtures: fqss-tf data mix, or "
                "mix-sources, makes some"
            )
        found = _stand_ins(data, part, sources, bad_files)
        return _decodable(_some(found, data.dev_mixtures), bad_files)
    for mixture in mixtures:
        _check_sources(mixture, sources)
        if mixture.rate != data.sample_rate:
            raise FqssError(
                f"{data_set.root / part} is at {mixture.rate} Hz, the recipe at "
                f"{data.sample_rate} Hz: name other data.datasets"
            )
    some = _some(mixtures, data.dev_mixtures)
    if most_seconds is not None:
        some = [mixture.excerpt(most_seconds) for mixture in some]
    return _decodable(some, bad_files)


def _differs(mixture: FixedMixture, data: "DataRecipe", sources: int) -> bool:
    return len(mixture.sources) != sources or mixture.rate != data.sample_rate


def _stand_ins(
    data: "DataRecipe", part: str, sources: int, bad_files: BadFilePolicy
) -> list[FixedMixture] | list[StandIn]:
    noises = noise_clips(data.noise_datasets, bad_files) if sources == 1 else []
    mixtures = stand_ins(
        part, sources, data.sample_rate, noises, (data.min_noise_snr_db, data.max_noise_snr_db),
        data.sources,
    )
    noise = ""
    if sources == 1:
        noise = " in noise of data.noise_datasets" if noises else " in pink noise"
    rate = f" at {data.sample_rate} Hz" if isinstance(mixtures[0], StandIn) else ""
    if noise or BUNDLED not in data.datasets:
        logger.warning(
            "no %s mixtures in data.datasets: the bundled audio is taken%s%s", part, noise, rate
        )
    return mixtures


def _some(mixtures: Sequence[_Scored], most: int) -> Sequence[_Scored]:
    """Takes at most so many of the mixtures, evenly taken; 0 for all."""
    if not 0 < most < len(mixtures):
        return mixtures
    step = len(mixtures) / most
    return [mixtures[int(i * step)] for i in range(most)]


def _decodable(
    mixtures: Iterable[FixedMixture | StandIn], bad_files: BadFilePolicy
) -> list[FixedMixture | StandIn]:
    kept = []
    for mixture in mixtures:
        try:
            mixture.load()
        except FqssError as error:
            bad_files.report(str(error))
        else:
            kept.append(mixture)
    if not kept:
        raise FqssError("none of the mixtures to score on can be decoded: see fqss-tf data check")
    return kept


def _check_sources(mixture: FixedMixture, sources: int) -> None:
    if len(mixture.sources) != sources:
        raise FqssError(
            f"{mixture.mixture_id} of {mixture.sources[0].clip.path} has "
            f"{len(mixture.sources)} sources, but model.sources is {sources}"
        )
