"""SI-SDR of runs and .tflite files.

All are scored on the same mixtures at the same level in the same chunks, so that scores differ by
the model alone.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from fqss_tf.audio.levels import peak_gain
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import libraries
from fqss_tf.evaluation.fixed_mixtures import LoadedMixture, check_rate
from fqss_tf.evaluation.libraries import averaged
from fqss_tf.formats import CHANNELS
from fqss_tf.metrics import assigned_si_sdr, si_sdr
from fqss_tf.runtime.chunking import chunk_order, default_overlap, separate_in_chunks
from fqss_tf.runtime.engines import open_engine
from fqss_tf.runtime.spectrogram_engine import SpectrogramEngine
from fqss_tf.runtime.streaming import StreamingSeparator
from fqss_tf.tflite.file import FileLike, TfliteFile, open_model
from fqss_tf.types import OnProgress, Sources, Waveform

if TYPE_CHECKING:
    from fqss_tf.config import Recipe

# What sources with names are called if they are speech.
SPEECH = ("voice", "speech", "vocals")
# [segment] -> [sources, segment], and with channels at the end of both if the network takes any
Forward: TypeAlias = Callable[[Waveform], Sources]


@dataclass(frozen=True)
class UtteranceScore:
    """One model on one mixture; everything in dB.

    ``source_si_sdr`` is in the order of the true sources, ``mixture_source_si_sdr`` is what the
    mixture itself has when it is taken for the estimate of every source. Which of them is the
    stronger and which the weaker is known of two sources only.
    ``others`` are scores of ``fqss_tf.evaluation.libraries`` by name, of each source; NaN where a
    source has none. ``mixture_others`` are those of the mixture itself.
    """

    mixture_id: str
    level_difference: float
    source_si_sdr: tuple[float, ...]
    mixture_source_si_sdr: tuple[float, ...]
    others: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    mixture_others: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def mixture_si_sdr(self) -> float:
        """Mean of the mixture itself over the sources."""
        return float(np.mean(self.mixture_source_si_sdr))

    @property
    def si_sdr(self) -> float:
        """Mean over the sources."""
        return float(np.mean(self.source_si_sdr))

    @property
    def si_sdri(self) -> float:
        """By how much that is above the mixture itself."""
        return self.si_sdr - self.mixture_si_sdr

    @property
    def stronger_si_sdr(self) -> float:
        """That of the stronger of two sources."""
        return self.source_si_sdr[0 if self.level_difference >= 0 else 1]

    @property
    def weaker_si_sdr(self) -> float:
        """That of the weaker of two sources."""
        return self.source_si_sdr[1 if self.level_difference >= 0 else 0]


@dataclass(frozen=True)
class ModelScore:
    """One model on all mixtures; means in dB. A real-time factor below 1 is faster than real time.

    ``seconds`` is the wall time spent on separating ``audio_seconds`` of mixtures. ``sources`` are
    the names of the sources where they keep their places, else empty.
    """

    name: str
    rows: list[UtteranceScore]
    seconds: float
    audio_seconds: float
    sources: tuple[str, ...] = ()

    @property
    def si_sdr(self) -> float:
        """Mean over the mixtures."""
        return float(np.mean([row.si_sdr for row in self.rows]))

    @property
    def si_sdri(self) -> float:
        """Mean improvement over the mixtures themselves."""
        return float(np.mean([row.si_sdri for row in self.rows]))

    @property
    def real_time_factor(self) -> float:
        """Seconds that separating one second takes."""
        return self.seconds / self.audio_seconds


@dataclass(frozen=True)
class _Network:
    """What all kinds of model come down to.

    ``segment`` (samples) is fixed for a .tflite; a run takes any multiple of ``hop`` and prefers
    its own; a streaming model, or one over spectrograms, takes whole mixtures, and has None.
    ``forward`` maps float32 [segment] -> [sources, segment], at peak 1 unless it ``keeps_level``.
    ``in_order``: whether the sources have names and keep their places. ``channels``: how many it
    can hear.
    """

    name: str
    is_run: bool
    sample_rate: int
    sources: tuple[str, ...]
    in_order: bool
    hop: int
    segment: int | None
    forward: Forward
    keeps_level: bool = False
    channels: int = 1


def evaluate(
    models: Sequence[FileLike], mixtures: Sequence[LoadedMixture], threads: int = 1,
    progress: OnProgress | None = None, *, rate: int | None = None, others: Sequence[str] = (),
) -> list[ModelScore]:
    """Scores models on mixtures.

    Args:
        models: run folders, .tflite files and names of models that ship, or open files, in any mix.
        mixtures: sequence of tuples (mixture_id, level_difference in dB of source 1 over the
            loudest other, mixture float32 [samples], sources float32 [S, samples]). Or with
            channels, [samples, channels] and [S, samples, channels]: a network that hears one gets
            their average, and so do scores that are not ``libraries.OF_SONGS``.
        threads: CPU threads. TensorFlow fixes its threads at its first computation in a process,
            so a run keeps the earlier number when there was one.
        progress: called as ``progress(done, total)`` after each mixture of each model, if given.
        rate: sample rate of the mixtures in Hz; None when the caller has made them at the
            models' rate.
        others: names of ``fqss_tf.evaluation.libraries`` to score besides SI-SDR.

    Returns:
        One ``ModelScore`` per model, in their order; its name is the model as given.

    Raises:
        FqssError: nothing to score, a model is missing or unusable, models differ in sample rate
            or segment, the mixtures have another rate or number of sources, a model gives
            NaN or infinite samples, or the library of another score is missing.
    """
    if not models or not mixtures:
        raise FqssError("nothing to evaluate: give at least one model and one mixture")
    networks = [_open(open_model(model), threads) for model in models]
    _check_rates(networks, rate)
    segment = _common_segment(networks)
    scores: list[ModelScore] = []
    for network in networks:
        rows: list[UtteranceScore] = []
        seconds, samples = 0.0, 0
        # The first call may compile, which is not separating.
        network.forward(np.zeros(segment or network.hop, np.float32))
        for mixture in mixtures:
            row, row_seconds = _score(network, mixture, segment, others)
            rows.append(row)
            seconds += row_seconds
            samples += len(mixture[2])
            if progress is not None:
                progress(len(scores) * len(mixtures) + len(rows), len(networks) * len(mixtures))
        scores.append(ModelScore(
            network.name, rows, seconds, samples / network.sample_rate,
            network.sources if network.in_order else (),
        ))
    return scores


def _open(model: Path | TfliteFile, threads: int) -> _Network:
    if isinstance(model, TfliteFile):
        return _open_tflite(model, threads)
    return _open_run(model, threads)


def _open_tflite(file: TfliteFile, threads: int) -> _Network:
    if file.metadata.is_streaming:
        return _open_step(file, threads)
    if file.metadata.spectrogram is not None:
        return _open_spectrograms(file, threads)
    metadata = file.metadata
    return _Network(
        file.name, False, metadata.sample_rate, metadata.sources, metadata.has_named_sources,
        1 if metadata.transform else metadata.hop, metadata.segment,
        open_engine(file, threads).forward, channels=metadata.channels,
    )


def _open_spectrograms(file: TfliteFile, threads: int) -> _Network:
    metadata = file.metadata
    return _Network(
        file.name, False, metadata.sample_rate, metadata.sources, metadata.has_named_sources,
        metadata.hop, None, SpectrogramEngine(file, threads).forward, keeps_level=True,
        channels=CHANNELS,
    )


def _open_step(file: TfliteFile, threads: int) -> _Network:
    separator = StreamingSeparator(file, threads, gain=0)
    metadata = file.metadata

    def forward(mixture: Waveform) -> Sources:
        return np.stack(list(separator.separate(mixture).values()))

    return _Network(
        file.name, False, metadata.sample_rate, metadata.sources, metadata.has_named_sources,
        metadata.hop, None, forward,
    )


def _open_run(path: Path, threads: int) -> _Network:
    from fqss_tf.models.network import SpectrogramNetwork
    from fqss_tf.models.registry import network_of
    from fqss_tf.runs.folder import RunFolder

    recipe = RunFolder(path).recipe
    is_whole = isinstance(network_of(recipe.model), SpectrogramNetwork)
    return _Network(
        str(path), True, recipe.data.sample_rate, recipe.source_names, recipe.has_named_sources,
        recipe.model.segment_step, None if is_whole else recipe.segment(),
        _run_forward(path, recipe, threads),
        keeps_level=is_whole, channels=CHANNELS if is_whole else recipe.model.audio_channels,
    )


def _run_forward(path: Path, recipe: "Recipe", threads: int) -> Forward:
    import tensorflow as tf

    from fqss_tf.models.registry import network_of
    from fqss_tf.runs.run import Run

    with contextlib.suppress(RuntimeError):  # TensorFlow has computed before in this process
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    model = Run(path).model()
    return network_of(recipe.model).separation(model, recipe.model, recipe.segment())


def _score(
    network: _Network, mixture_and_sources: LoadedMixture, segment: int | None,
    others: Sequence[str],
) -> tuple[UtteranceScore, float]:
    """Returns the score of one mixture and the seconds that separating it took."""
    mixture_id, level_difference, mixture, sources = mixture_and_sources
    if len(sources) != len(network.sources):
        raise FqssError(
            f"{network.name} gives {len(network.sources)} sources but mixture {mixture_id} has "
            f"{len(sources)}: give a model and data of the same number"
        )
    if mixture.ndim == 2 and not 1 < mixture.shape[1] <= network.channels:
        mixture, sources = mixture.mean(axis=1), averaged(sources)
    if not (np.isfinite(mixture).all() and np.isfinite(sources).all()):
        raise FqssError(f"mixture {mixture_id} has NaN or infinite samples: replace its files")
    started = time.perf_counter()
    estimates = _separate(mixture, network, segment)
    seconds = time.perf_counter() - started
    if not np.isfinite(estimates).all():
        raise FqssError(f"{network.name} gives NaN or infinite samples for {mixture_id}")
    of_one = averaged(sources)
    source_si_sdr, order = assigned_si_sdr(averaged(estimates), of_one, network.in_order)
    row = UtteranceScore(
        mixture_id, level_difference, tuple(source_si_sdr.tolist()),
        tuple(si_sdr(averaged(mixture[np.newaxis])[0], of_one).tolist()),
        _others(network, estimates[list(order)], sources, others),
        _others(network, np.stack([mixture] * len(sources)), sources, others),
    )
    return row, seconds


def _others(
    network: _Network, estimates: Sources, sources: Sources, names: Iterable[str]
) -> dict[str, tuple[float, ...]]:
    speech = [not network.in_order or name in SPEECH for name in network.sources]
    return {
        name: libraries.score(name, estimates, sources, network.sample_rate, speech)
        for name in names
    }


def _separate(mixture: Waveform, network: _Network, segment: int | None) -> Sources:
    gain = 1.0 if network.keeps_level else peak_gain(mixture)
    levelled = (mixture * gain).astype(np.float32)
    if segment is None or network.segment is None:
        return network.forward(levelled) / gain
    overlap = default_overlap(segment)
    order = chunk_order(network.in_order)
    return separate_in_chunks(levelled, network.forward, segment, overlap, order=order) / gain


def _check_rates(networks: Sequence[_Network], rate: int | None) -> None:
    first = networks[0]
    for network in networks:
        if rate is not None:
            check_rate(network.name, network.sample_rate, rate)
        if network.sample_rate != first.sample_rate:
            raise FqssError(
                f"{network.name} works at {network.sample_rate} Hz but {first.name} at "
                f"{first.sample_rate} Hz: evaluate them separately"
            )


def _common_segment(networks: Iterable[_Network]) -> int | None:
    """Returns the segment in samples that every model sees but for streaming models.

    It is that of the .tflite files, else that of the runs; None if all models are streaming.
    """
    segments = [(network, network.segment) for network in networks if network.segment is not None]
    if not segments:
        return None
    deciding = [pair for pair in segments if not pair[0].is_run] or segments
    first, segment = deciding[0]
    for network, other in deciding:
        if other != segment:
            raise FqssError(
                f"{network.name} works on segments of {other} samples but {first.name} "
                f"on {segment}: evaluate them separately"
            )
    for network, _ in segments:
        if segment % network.hop:
            raise FqssError(
                f"{network.name} needs segments of a multiple of {network.hop} samples but "
                f"{first.name} has {segment}: evaluate them separately"
            )
    return segment
