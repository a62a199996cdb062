"""A recording in, its sources out, by a .tflite file."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from fqss_tf.audio.channels import downmix_signs, mono
from fqss_tf.audio.inputs import kept_copies
from fqss_tf.audio.reader import Reader
from fqss_tf.audio.writer import Writer
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_paths
from fqss_tf.formats import CHANNELS
from fqss_tf.runtime.chunking import chunk_order, default_overlap, separate_blocks
from fqss_tf.runtime.engines import AnyEngine, open_engine
from fqss_tf.runtime.levelling import levelled, levelled_int16, peak
from fqss_tf.runtime.model_handle import ModelHandle
from fqss_tf.runtime.rates import at_model_rate, separated, stays_int16
from fqss_tf.runtime.samples import checked
from fqss_tf.runtime.spatial import channels_of, in_each_channel
from fqss_tf.runtime.spectrogram_engine import SpectrogramEngine, masked
from fqss_tf.runtime.stems import Mixdown, Remembered, SumOfSources, mixdown, mixed
from fqss_tf.runtime.stereo_engine import StereoEngine, levelled_stereo
from fqss_tf.tflite.file import FileLike
from fqss_tf.tflite.shipped import DEFAULT
from fqss_tf.types import AnySamples, Json, PathLike, Samples

RUNNING, UTTERANCE = GAINS = ("running", "utterance")


class Separator(ModelHandle[AnyEngine]):
    """Separates recordings of any length, rate and number of channels.

    The sources have the channels of the recording. The network hears the average of the channels;
    silent ones are left out of it, and one that is the opposite of the loudest is turned over
    first, so that no sound is lost. ``fqss_tf.runtime.spatial`` then takes each source out of each
    channel. Recordings of more than 8 channels become mono.

    16-bit samples of one channel, at the rate of a model with two planes each way, are separated in
    integers throughout; everything else goes through float32. Threads may share a separator. A
    context manager; ``close`` frees the model.

    Two gains: ``"running"`` brings loud and quiet passages of each segment to full scale for the
    network, as ``fqss_tf.runtime.level_envelope`` says, and takes its offset away;
    ``"utterance"`` brings the loudest sample of the whole recording there, as the published scores
    do. Either way the results have the level of the input.

    A model of music hears one or two channels as they are. One over spectrograms masks each at
    their own level; for one of two channels, the loudest sample of a segment becomes full scale.
    Recordings of more channels are refused, unless they become mono.

    Args:
        model: a .tflite file written by fqss-tf, open already or by its path, or the name of a
            model that ships with it.
        num_threads: CPU threads.
        keep_going: separate what is there of audio files that are damaged or cut short, with a
            warning that says at which second; else they are refused.
        mono: give the sources in one channel, those that the network finds in the average.

    Raises:
        FqssError: the file is missing, damaged or not an fqss-tf model.
    """

    def __init__(
        self,
        model: FileLike = DEFAULT,
        num_threads: int = 1,
        keep_going: bool = False,
        mono: bool = False,
    ) -> None:
        super().__init__(open_engine(model, num_threads))
        self._keep_going = keep_going
        self._mono = mono

    def __call__(
        self,
        waveform: AnySamples,
        rate: int,
        progress: Callable[[int, int], None] | None = None,
        gain: str = RUNNING,
    ) -> dict[str, Samples]:
        """Separates one recording.

        Args:
            waveform: floats or int16, [samples] or [samples, channels]; uint8, int8 and int32 are
                taken by their full scale.
            rate: its sample rate in Hz.
            progress: called as ``progress(done, total)`` in samples after each part, if given.
            gain: "running" or "utterance", as the class says.

        Returns:
            Dict of source name -> [samples], or [samples, channels] of more than one, at the rate
            and of the length of the input, int16 for int16 and float32 otherwise.

        Raises:
            FqssError: no samples, NaN or infinite samples, or a wrong type, shape or rate; a number
                of channels or a gain that the model does not take.
        """
        channels = checked(waveform)
        self._check("the waveform", channels.shape[1] if channels.ndim == 2 else 1, gain)
        signs = downmix_signs([channels]) if channels.ndim == 2 else None
        signal = mono(channels, signs)
        in_integers = stays_int16(signal.dtype, rate, self.metadata)
        signals = at_model_rate([signal], rate, self.metadata, in_integers)
        loudest = max(map(peak, signals)) if is_utterance(gain) else None
        blocks, signs = self._heard([channels], signs)
        parts = []
        done = 0
        for part in self.separate_blocks(blocks, rate, loudest, signs):
            parts.append(part)
            done += part.shape[1]
            if progress is not None:
                progress(done, len(signal))
        return dict(zip(self.metadata.sources, np.concatenate(parts, axis=1), strict=True))

    def separate_blocks(
        self,
        blocks: Iterable[Samples],
        rate: int,
        loudest: float | None = None,
        signs: NDArray[np.int8] | None = None,
    ) -> Iterator[Samples]:
        """Separates a recording that comes in blocks, in memory for some segments.

        Args:
            blocks: iterable of float32 or all int16 [samples], of any lengths; with ``signs``
                [samples, channels].
            rate: their sample rate in Hz.
            loudest: the largest magnitude of the recording at the model's rate, as ``measure``
                gives it; None for the running gain.
            signs: how the channels add up, as ``audio.channels.downmix_signs`` finds it.

        Yields:
            [sources, samples] or [sources, samples, channels] of the type of the blocks; together
            as long as the recording.
            A sample comes back at the latest a segment after it was given, and the resampler's
            delay where the rates differ.

        Raises:
            FqssError: a rate that audio cannot have, or samples that float32 cannot hold.
        """
        segment = self.metadata.segment
        overlap = default_overlap(segment)
        order = chunk_order(self.metadata.has_named_sources)

        def separate(blocks: Iterable[Samples], in_integers: bool) -> Iterator[Samples]:
            if isinstance(self._engine, SpectrogramEngine):
                return masked(self._engine, cast(Iterable[NDArray[np.float32]], blocks))
            if isinstance(self._engine, StereoEngine):
                music = cast(Iterable[NDArray[np.float32]], blocks)
                return separate_blocks(
                    music, levelled_stereo(self._engine), segment, overlap, order
                )
            if in_integers:
                integers = cast(Iterable[NDArray[np.int16]], blocks)
                return separate_blocks(
                    integers, levelled_int16(self._engine, loudest), segment, overlap, order
                )
            floats = cast(Iterable[NDArray[np.float32]], blocks)
            forward = levelled(self._engine, loudest)
            if signs is not None:
                forward = in_each_channel(forward, signs, self.metadata.sample_rate)
            return separate_blocks(floats, forward, segment, overlap, order)

        yield from separated(blocks, rate, self.metadata, separate)

    def measure(
        self, path: PathLike, progress: Callable[[int, int], None] | None = None
    ) -> float:
        """Reads a whole audio file, so that it is known to be good, in little memory.

        Args:
            path: the file.
            progress: called as ``progress(done, total)`` in samples, if given.

        Returns:
            The largest magnitude at the model's rate, for ``chunks`` and ``separate_file``.

        Raises:
            FqssError: missing, not audio, damaged, cut short, NaN or infinite samples.
        """
        with Reader(path, self._keep_going) as file:
            self._check(path, file.channels)
            dtype, signs = self._dtype_of(file), file.downmix_signs()
            blocks = (mono(block, signs) for block in file.blocks(dtype))
            read = _reported(blocks, file.frames, progress)
            in_integers = dtype == "int16"
            return max(map(peak, at_model_rate(read, file.rate, self.metadata, in_integers)))

    def chunks(
        self,
        path: PathLike,
        gain: str = RUNNING,
        loudest: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[dict[str, Samples]]:
        """Separates an audio file of any length, in memory for some segments.

        Args:
            path: the file.
            gain: "running" or "utterance", as the class says.
            loudest: what ``measure`` said of the file; None: it is measured first.
            progress: called as ``progress(done, total)`` in samples, if given.

        Yields:
            Dict of source name -> [samples], or [samples, channels] of more than one, in the order
            of time; int16 where the separation is in integers, float32 otherwise.

        Raises:
            FqssError: as ``measure``, or the gain is neither.
        """
        for part, _ in self._parts(path, gain, loudest, progress):
            yield dict(zip(self.metadata.sources, part, strict=True))

    def separate_file(
        self,
        path: PathLike,
        targets: Mapping[str, PathLike],
        gain: str = RUNNING,
        loudest: float | None = None,
        progress: Callable[[int, int], None] | None = None,
        file_format: str = "wav",
        subtype: str | None = None,
        made: Mixdown | None = None,
    ) -> Json:
        """Separates an audio file of any length into one file per source: all of them or none.

        Each has the rate, the length and the channels of the input, and its title, artist and other
        tags where the format has a place for them.

        Args:
            path: the input.
            targets: dict of source name, or name in ``made`` -> path of the file to write.
            gain: "running" or "utterance", as the class says.
            loudest: what ``measure`` said of the file; None: it is measured first.
            progress: called as ``progress(done, total)`` in samples, if given.
            file_format: soundfile's name of the format, as for ``fqss_tf.audio.Writer``.
            subtype: its name of the sample type; None: the usual one of the format.
            made: what to make of the sources, as ``fqss_tf.runtime.stems.mixdown`` returns it;
                None: each of them.

        Returns:
            Dict of ``input``, ``rate`` in Hz, ``samples``, ``outputs`` (name -> path), ``clipped``
            (name -> how many samples did not fit the sample type) and ``sum_to_mixture_db``, the
            energy of the recording over that of what the sum of all sources lacks; None if either
            is 0.

        Raises:
            FqssError: as ``measure``, or a file cannot be written.
        """
        with kept_copies([Path(path)]):
            with Reader(path, self._keep_going) as file:
                rate, tags, expected = file.rate, file.tags, file.frames
                channels = channels_of(file.channels, self._mono)
            made = mixdown(self.metadata) if made is None else made
            samples, total = 0, SumOfSources()
            with atomic_paths(targets.values()) as temporary, contextlib.ExitStack() as open_files:
                writers = {
                    name: open_files.enter_context(
                        Writer(place, rate, channels, file_format, subtype, tags, expected)
                    )
                    for name, place in zip(targets, temporary, strict=True)
                }
                for part, mixture in self._parts(path, gain, loudest, progress):
                    samples += len(mixture)
                    total.add(part, mixture)
                    for name, writer in writers.items():
                        writer.write(mixed(part, mixture, made[name]))
        return {
            "input": str(path),
            "rate": rate,
            "samples": samples,
            "outputs": {name: str(target) for name, target in targets.items()},
            "clipped": {name: writer.clipped for name, writer in writers.items()},
            "sum_to_mixture_db": total.decibels,
        }

    def _parts(
        self, path: PathLike, gain: str, loudest: float | None,
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[tuple[Samples, Samples]]:
        """Parts as ``separate_blocks`` yields them, each with what the network heard there."""
        with kept_copies([Path(path)]):
            if self.metadata.hears_stereo:
                with Reader(path, self._keep_going) as file:
                    self._check(path, file.channels, gain)
            if not is_utterance(gain):
                loudest = None
            elif loudest is None:
                loudest = self.measure(path)
            with Reader(path, self._keep_going) as file:
                read = _reported(file.blocks(self._dtype_of(file)), file.frames, progress)
                blocks, signs = self._heard(read, file.downmix_signs())
                heard = Remembered(blocks)
                for part in self.separate_blocks(heard, file.rate, loudest, signs):
                    if part.shape[1]:
                        yield part, heard.take(part.shape[1])

    def _check(self, what: PathLike, channels: int, gain: str = RUNNING) -> None:
        """Refuses what a model of music does not take."""
        if not self.metadata.hears_stereo:
            return
        if channels_of(channels, self._mono) > CHANNELS:
            raise FqssError(
                f"{what} has {channels} channels, but the model takes one or two: give --mono "
                "(mono=True), or mix it down"
            )
        if is_utterance(gain):
            level = "its own level" if self.metadata.spectrogram else "full scale in each segment"
            raise FqssError(f"gain {gain}: the model hears {what} at {level}; leave the gain away")

    def _dtype_of(self, file: Reader) -> Literal["int16", "float32"]:
        """int16 where the graph computes on what the open file holds, else float32."""
        is_16_bit = file.subtype == "PCM_16" and file.channels == 1
        in_integers = is_16_bit and stays_int16(np.int16, file.rate, self.metadata)
        return "int16" if in_integers else "float32"

    def _heard(
        self, blocks: Iterable[Samples], signs: NDArray[np.int8] | None
    ) -> tuple[Iterable[Samples], NDArray[np.int8] | None]:
        """What ``separate_blocks`` is given: one channel, or several and how they add up."""
        if signs is not None and channels_of(len(signs), self._mono) > 1:
            return blocks, signs
        return (mono(block, signs) for block in blocks), None


def is_utterance(gain: str) -> bool:
    """Returns whether the whole recording gets one gain.

    Raises:
        FqssError: no such gain.
    """
    if gain not in GAINS:
        raise FqssError(f"gain {gain!r} is unknown: use one of {', '.join(GAINS)}")
    return gain == UTTERANCE


def _reported(
    blocks: Iterable[Samples], total: int, progress: Callable[[int, int], None] | None
) -> Iterator[Samples]:
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        if progress is not None:
            progress(done, max(done, total))  # an estimate of compressed files
