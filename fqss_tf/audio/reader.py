"""Audio files of any length, read block by block."""

import contextlib
import functools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from fqss_tf.audio.channels import downmix_signs, mono
from fqss_tf.audio.decoding import BLOCK_VALUES, Dtype, Facts, decoded, examine
from fqss_tf.audio.ffmpeg import FfmpegFile
from fqss_tf.audio.inputs import regular_file
from fqss_tf.audio.resampling import check_rate
from fqss_tf.errors import FqssError
from fqss_tf.types import PathLike, Samples, Waveform

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

# Samples of a float file over the first number, 36 dB over full scale, are integers of some bits.
LOUDEST = 64.0
FULL_SCALES = {16: 2.0**15, 24: 2.0**23, 32: 2.0**31}  # by the bits


class DamagedError(FqssError):
    """A file that ends earlier than it should, or cannot be decoded to its end."""


class Reader:
    """An open audio file: whatever libsndfile decodes, or ffmpeg where it is installed.

    It is read to its real end, whatever length its header gives, and files that were joined one
    behind another are one recording. What can be read only once, such as a pipe or - for stdin, is
    copied to a temporary file first.

    Args:
        path: the file.
        keep_going: take what is there of a file that is damaged or cut short, with a warning that
            says at which second; else it is refused.

    Attributes: ``path``, ``rate`` in Hz, ``frames`` (samples per channel; an estimate, perhaps 0,
    where ffmpeg reads the file), ``channels``, ``subtype`` (soundfile's name of the sample type),
    ``tags`` (dict of title, artist and such).

    Raises:
        FqssError: no such file, not audio, no samples, a header that cannot be true.
    """

    def __init__(self, path: PathLike, keep_going: bool = False) -> None:
        self.path = Path(path)
        self._keep_going = keep_going
        with contextlib.ExitStack() as stack:
            self._file = stack.enter_context(regular_file(self.path))
            self._facts = facts = examine(self._file, self.path)
            self.rate, self.frames, self.channels = facts.rate, facts.frames, facts.channels
            self.subtype, self.tags = facts.subtype, dict(facts.tags)
            if self.frames <= 0 and not facts.by_ffmpeg:
                cut = ": it is cut short before the first" if facts.is_cut else ""
                raise FqssError(f"{path} holds no samples{cut}")
            try:
                check_rate(self.rate)
            except FqssError as error:
                raise FqssError(f"{path}: {error}") from error
            self._stack = stack.pop_all()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def blocks(self, dtype: Dtype = "float32") -> Iterator[Samples]:
        """Yields the file from its start to its end.

        Args:
            dtype: "float32", in [-1, 1) for integer files, or "int16".

        Yields:
            [samples, channels] of that type; of float files whose samples are 16-bit numbers and
            not of full scale 1, divided by their full scale.

        Raises:
            DamagedError: damaged or cut short, and not to be kept.
            FqssError: NaN or infinite samples.
        """
        done = 0
        divisor = 1.0
        if dtype == "float32" and self.subtype in ("FLOAT", "DOUBLE") and not self._facts.by_ffmpeg:
            divisor = self._full_scale()
        reason = ""
        try:
            for block in _raw_blocks(self._file, self.path, self._facts, dtype):
                if dtype == "float32" and not np.isfinite(block).all():
                    raise FqssError(
                        f"{self.path} holds NaN or infinite samples: write it anew without them"
                    )
                done += len(block)
                yield block if divisor == 1 else block / np.float32(divisor)
        except _Unreadable as error:
            reason = str(error)
        if not self._facts.by_ffmpeg and done < self.frames or self._facts.is_cut or reason:
            self._end_early(done, reason)
        elif done == 0:
            raise FqssError(f"{self.path} holds no samples")

    def downmix_signs(self) -> NDArray[np.int8]:
        """Reads the file to find how its channels add up, as ``channels.downmix_signs`` does."""
        if self.channels == 1:
            return np.ones(1, np.int8)
        return _signs(*self._identity())

    def _identity(self) -> tuple[Path, Path, Facts, int, int]:
        """What the content depends on."""
        status = self._file.stat()
        return self._file, self.path, self._facts, status.st_size, status.st_mtime_ns

    def _end_early(self, done: int, reason: str) -> None:
        line = f"{self.path} is damaged or cut short after {done / self.rate:.2f} s{reason}"
        if not self._keep_going or done == 0:
            raise DamagedError(f"{line}: replace it")
        _warn(f"{line}: the rest is missing")

    def _full_scale(self) -> float:
        loudest = _loudest(*self._identity())
        if loudest <= LOUDEST or loudest > max(FULL_SCALES.values()):
            return 1.0
        bits, scale = next(item for item in FULL_SCALES.items() if loudest <= item[1])
        _warn(
            f"{self.path} holds floats up to {loudest:.0f}, not 1: they are taken as {bits}-bit "
            "numbers"
        )
        return scale


def read_span(
    path: PathLike, start: int, samples: int, keep_channels: bool = False
) -> Waveform:
    """Reads a part of a file by decoding it from its start, which any file allows.

    Args:
        path: the file.
        start: first sample.
        samples: how many; fewer come back at the end of the file.
        keep_channels: do not average them.

    Returns:
        float32 [samples], channels averaged; or [samples, channels].

    Raises:
        FqssError: as ``Reader`` and ``Reader.blocks``.
    """
    done = 0
    with Reader(path) as file:
        parts = [np.zeros((0, file.channels) if keep_channels else 0, np.float32)]
        for block in file.blocks():
            wanted = block[max(0, start - done) : max(0, start + samples - done)]
            heard = wanted.reshape(len(wanted), -1) if keep_channels else mono(wanted)
            parts.append(heard.astype(np.float32, copy=False))
            done += len(block)
            if done >= start + samples:
                break
    return np.concatenate(parts)


class _Unreadable(Exception):
    """The end of what could be decoded; holds what ffmpeg said, if it was that."""


def _raw_blocks(path: Path, name: Path, facts: Facts, dtype: Dtype) -> Iterator[NDArray[Any]]:
    """All that can be decoded, and then perhaps _Unreadable."""
    if facts.by_ffmpeg:
        with contextlib.closing(FfmpegFile(path, name)) as file:
            while len(block := file.read(max(1, BLOCK_VALUES // facts.channels))):
                yield block
            if file.complaint:
                raise _Unreadable(f" (ffmpeg: {file.complaint})")
        return
    for part, frames in facts.parts:
        left = frames
        try:
            for block in decoded(path, part, facts.channels, dtype):
                yield block[:left]
                left -= len(block[:left])
        except soundfile.SoundFileError as error:
            raise _Unreadable() from error


# A file is read some times until it is separated: these two are found at the first.
@functools.lru_cache(maxsize=1024)
def _loudest(path: Path, name: Path, facts: Facts, _size: int, _changed: int) -> float:
    """The largest magnitude among finite samples."""
    loudest = 0.0
    with contextlib.suppress(_Unreadable):
        for block in _raw_blocks(path, name, facts, "float32"):
            loudest = max(loudest, float(np.abs(block[np.isfinite(block)]).max(initial=0)))
    return loudest


@functools.lru_cache(maxsize=1024)
def _signs(path: Path, name: Path, facts: Facts, _size: int, _changed: int) -> NDArray[np.int8]:
    def blocks() -> Iterator[NDArray[Any]]:
        with contextlib.suppress(_Unreadable):
            yield from _raw_blocks(path, name, facts, "float32")

    return downmix_signs(blocks())


@functools.lru_cache(maxsize=1024)
def _warn(line: str) -> None:
    """Logs it, once: a file is read some times until it is separated."""
    logger.warning("%s", line)
