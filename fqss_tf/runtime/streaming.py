"""Sound in as it comes, its sources out a few milliseconds later, by a streaming model."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.samples import by_type
from fqss_tf.errors import FqssError
from fqss_tf.runtime import planes, stream_level
from fqss_tf.runtime.levelling import (
    FULL_SCALE,
    from_full_scale,
    from_full_scale_int16,
    in_steps,
    to_full_scale,
    to_full_scale_int16,
)
from fqss_tf.runtime.model_handle import ModelHandle
from fqss_tf.runtime.rates import separated
from fqss_tf.runtime.samples import to_int16
from fqss_tf.runtime.streaming_engine import StreamingEngine
from fqss_tf.tflite.file import FileLike
from fqss_tf.tflite.shipped import DEFAULT_STREAMING
from fqss_tf.types import AnySamples, Samples


class StreamingSeparator(ModelHandle[StreamingEngine]):
    """Separates one stream, step by step, with a streaming model of ``fqss-tf convert --stream``.

    The estimates are ``metadata.algorithmic_delay`` samples behind the mixture, and samples wait
    until a step of ``metadata.segment`` is full: ``latency`` is both together. What comes out
    is the same to the last bit however the stream is cut into pushes, and, at one gain, what the
    whole-recording int8 file of the same run gives.

    Two gains. A number is a fixed one in dB: the network sees the samples times it, and what
    exceeds full scale is clipped. ``"running"`` takes the offset away and brings the last
    second to full scale, whatever its level, by up to 60 dB: a louder step lowers the gain at once,
    so nothing is clipped, and a click lowers it for its own step alone. Either way the estimates
    have the level of the input.

    One stream at a time: threads need separators of their own. A context manager; ``close`` frees
    the model.

    Args:
        model: a streaming model, open already or by its path, or the name of one that ships with
            fqss-tf.
        num_threads: CPU threads.
        gain: ``"running"`` or decibels.
        reference_kernels: use the slow, plain kernels, to which the fast ones are compared.

    Raises:
        FqssError: the file is missing, damaged, or not a streaming model.
    """

    def __init__(
        self,
        model: FileLike = DEFAULT_STREAMING,
        num_threads: int = 1,
        gain: str | float = stream_level.RUNNING,
        reference_kernels: bool = False,
    ) -> None:
        super().__init__(StreamingEngine(model, num_threads, reference_kernels))
        steps_per_second = self.metadata.sample_rate / self.metadata.segment
        self._levels_of = stream_level.level_of_steps(gain, steps_per_second)
        self.reset()

    @property
    def latency(self) -> int:
        """Samples from the arrival of a sound until it is separated, but for computing time."""
        return self.metadata.latency

    @property
    def state_bytes(self) -> int:
        """Bytes of int8 that the network remembers from step to step."""
        return self._engine.state_bytes

    def reset(self) -> None:
        """Forgets the stream so far; the next sample is the first of a new one."""
        self._engine.reset()
        self._levels_of.reset()
        self._waiting: Samples | None = None
        self._given = self._returned = 0
        delay = self.metadata.algorithmic_delay
        assert delay is not None  # as the engine has checked
        self._to_skip = delay
        # Level of each sample whose estimate is still to come.
        self._levels = np.full(delay, float(FULL_SCALE))

    def push(self, samples: AnySamples) -> dict[str, Samples]:
        """Takes the next samples and gives the estimates that are ready.

        Args:
            samples: int16 or float [samples] at the model's rate, any number of them; of one type
                throughout a stream.

        Returns:
            Dict of source name -> int16 for int16, else float32, [samples], which may be none.

        Raises:
            FqssError: not [samples], NaN or infinite samples, or of another type than before.
        """
        waiting = self._wait(samples)
        step = self.metadata.segment
        parts = []
        while len(waiting) >= step:
            parts.append(self._step(waiting[:step]))
            self._waiting = waiting = waiting[step:]
        return self._named(parts, waiting.dtype)

    def flush(self) -> dict[str, Samples]:
        """Returns the estimates of all that was pushed and has not come back; the stream ends.

        The network hears what whole recordings are padded with, planes of zero.

        Returns:
            Dict as of ``push``.
        """
        waiting = np.zeros(0, np.float32) if self._waiting is None else self._waiting
        parts = []
        while self._returned < self._given:
            parts.append(self._step(waiting))
            self._waiting = waiting = waiting[:0]
        sources = self._named(parts, waiting.dtype)
        self.reset()
        return sources

    def separate(self, waveform: AnySamples) -> dict[str, Samples]:
        """Separates a whole recording at the model's rate as a new stream.

        Args:
            waveform: as ``push`` takes it.

        Returns:
            Dict of source name -> [samples], as long as the recording.
        """
        self.reset()
        first, rest = self.push(waveform), self.flush()
        return {name: np.concatenate([part, rest[name]]) for name, part in first.items()}

    def separate_blocks(self, blocks: Iterable[Samples], rate: int) -> Iterator[Samples]:
        """Separates a mono stream of any rate that comes in blocks, as a new stream.

        Args:
            blocks: iterable of float32 or all int16 [samples], of any lengths.
            rate: their sample rate in Hz; another than the model's adds the resampler's delay.

        Yields:
            [sources, samples] of the type of the blocks; together as long as the stream.
        """
        return separated(blocks, rate, self.metadata, self._separate_blocks)

    def _separate_blocks(self, blocks: Iterable[Samples], _: bool) -> Iterator[Samples]:
        self.reset()
        for block in blocks:
            yield _stacked(self.push(block))
        yield _stacked(self.flush())

    def _wait(self, pushed: AnySamples) -> Samples:
        """Adds what was pushed to the samples that wait for a full step, and returns them all."""
        samples = by_type(pushed)
        if samples.ndim != 1:
            raise FqssError(f"a push is [samples], one channel; this one has shape {samples.shape}")
        if samples.dtype != np.int16:
            samples = samples.astype(np.float32)
            if not np.isfinite(samples).all():
                raise FqssError("the stream holds NaN or infinite samples")
        before = samples[:0] if self._waiting is None else self._waiting
        if samples.dtype != before.dtype:
            raise FqssError(
                f"the stream began with {before.dtype} samples and goes on with "
                f"{samples.dtype}: convert one, or reset"
            )
        self._given += len(samples)
        self._waiting = waiting = np.concatenate([before, samples])
        return waiting

    def _step(self, samples: NDArray[Any]) -> Samples:
        """Estimates [sources, samples] of one step, of its type; planes of zero fill a last one."""
        metadata = self.metadata
        in_integers = samples.dtype == np.int16 and metadata.takes_int16
        centered, levels = self._levels_of(in_steps(samples))
        missing = metadata.segment - len(samples)
        self._levels = np.concatenate([self._levels, levels, np.full(missing, float(FULL_SCALE))])
        mixture = np.zeros((metadata.segment, metadata.input_planes), np.int8)
        mixture[: len(samples)] = (
            planes.split_int16(to_full_scale_int16(centered, levels)) if in_integers
            else planes.split(to_full_scale(centered, levels), metadata.input_planes)
        )
        outputs = np.stack(self._engine.run_planes(mixture), axis=-1)
        levels, self._levels = np.split(self._levels, [metadata.segment])
        if in_integers:
            estimates = from_full_scale_int16(planes.combine_int16(outputs), levels)
            return self._without_ends(estimates)
        floats = from_full_scale(planes.combine(outputs), levels)
        return self._without_ends(to_int16(floats) if samples.dtype == np.int16 else floats)

    def _without_ends(self, estimates: Samples) -> Samples:
        """Without what came before the first sample, or comes behind the last of the stream."""
        skipped = min(self._to_skip, estimates.shape[1])
        self._to_skip -= skipped
        estimates = estimates[:, skipped : skipped + self._given - self._returned]
        self._returned += estimates.shape[1]
        return estimates

    def _named(self, parts: list[Samples], dtype: np.dtype[Any]) -> dict[str, Samples]:
        empty = np.zeros((len(self.metadata.sources), 0), dtype)
        return dict(
            zip(self.metadata.sources, np.concatenate([empty, *parts], axis=1), strict=True)
        )


def _stacked(estimates: dict[str, Samples]) -> Samples:
    stacked: NDArray[Any] = np.stack(list(estimates.values()))
    return stacked
