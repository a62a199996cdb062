"""Audio files of any length, read and written block by block."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from fqss_tf.audio.resampling import check_rate
from fqss_tf.errors import FqssError
from fqss_tf.types import AnySamples, PathLike, Samples

if TYPE_CHECKING:
    from typing_extensions import Self

INTEGER_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
UNKNOWN_LENGTH = 2**63 - 1  # what libsndfile says of a FLAC stream whose header has no length
BLOCK_VALUES = 2**17  # samples times channels
TAGS = ("title", "copyright", "software", "artist", "comment", "date", "album", "license",
        "tracknumber", "genre")  # fmt: skip
WAV_BYTES = 2**32 - 2**20  # the size fields of WAV have 32 bits; RF64 is WAV with larger ones


class Reader:
    """An open audio file: WAV, FLAC, OGG, MP3 or whatever else libsndfile decodes.

    Attributes: ``path``, ``rate`` in Hz, ``frames`` (samples per channel), ``channels``,
    ``subtype`` (soundfile's name of the sample type), ``tags`` (dict of title, artist and such).

    Raises:
        FqssError: no such file, not audio, no samples, a header that cannot be true.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = path = Path(path)
        if not path.is_file():
            reason = "a folder" if path.is_dir() else "missing"
            raise FqssError(f"{path} is {reason}: give an audio file")
        with self._readable():
            # soundfile would insist on UTF-8 in names.
            self._file = soundfile.SoundFile(os.fsencode(path))
            # Tags must be read first: a decoder may drop them when it comes to the samples.
            self.tags: dict[str, str] = {
                tag: text for tag in TAGS if (text := getattr(self._file, tag))
            }
        self.rate: int = self._file.samplerate
        self.frames: int = self._file.frames
        self.channels: int = self._file.channels
        self.subtype: str = self._file.subtype
        try:
            self._check_header()
        except FqssError:
            self._file.close()
            raise

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def blocks(self, dtype: Literal["float32", "int16"] = "float32") -> Iterator[Samples]:
        """Yields the file from its start to its end.

        Args:
            dtype: "float32", in [-1, 1) for integer files, or "int16".

        Yields:
            [samples, channels] of that type.

        Raises:
            FqssError: damaged, cut short, or NaN or infinite samples.
        """
        size = max(1, BLOCK_VALUES // self.channels)
        done = 0
        while True:
            with self._readable():
                block = self._file.read(size, dtype=dtype, always_2d=True)
            if len(block) == 0:
                break
            if dtype == "float32" and not np.isfinite(block).all():
                raise FqssError(
                    f"{self.path} holds NaN or infinite samples: write it anew without them"
                )
            done += len(block)
            yield block
        if done != self.frames:
            raise FqssError(f"{self.path} is cut short: {done} of {self.frames} samples are there")

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except soundfile.SoundFileError as error:
            raise FqssError(
                f"{self.path} is not an audio file that can be read, or is damaged"
            ) from error
        except OSError as error:
            raise FqssError(f"cannot read {self.path}: {error.strerror or error}") from error

    def _check_header(self) -> None:
        if self.frames == UNKNOWN_LENGTH:
            raise FqssError(f"{self.path} does not say how long it is: encode it anew as a file")
        if self.frames <= 0:
            raise FqssError(f"{self.path} holds no samples")
        try:
            check_rate(self.rate)
        except FqssError as error:
            raise FqssError(f"{self.path}: {error}") from error


class Writer:
    """A new audio file that grows block by block; a context manager.

    Args:
        path: the file to write. See ``fqss_tf.files.atomic_path`` for whole files or none.
        rate: Hz.
        channels: number of channels.
        file_format: soundfile's name of the format, in any case: "wav", "flac", "ogg" ...
        subtype: its name of the sample type: "PCM_16", "PCM_24", "FLOAT" ...; None: the usual one
            of the format.
        tags: dict of title, artist and such; kept where the format has a place for them.
        frames: samples per channel, if known: a WAV that grows over 4 GB is written as RF64.

    Attributes: ``clipped``, how many samples so far did not fit an integer type.

    Raises:
        FqssError: unknown format or sample type. OSError: the operating system refused to write.
    """

    def __init__(
        self,
        path: PathLike,
        rate: int,
        channels: int = 1,
        file_format: str = "wav",
        subtype: str | None = None,
        tags: Mapping[str, str] | None = None,
        frames: int = 0,
    ) -> None:
        self.clipped = 0
        file_format = file_format.upper()
        if file_format == "WAV" and frames * channels * _bytes_per_sample(subtype) > WAV_BYTES:
            file_format = "RF64"
        self._bytes = _Bytes(path)
        try:
            self._file = soundfile.SoundFile(
                self._bytes, "w", int(rate), channels, subtype, format=file_format
            )
        except (soundfile.SoundFileError, ValueError, TypeError) as error:
            self._bytes.close()
            self._bytes.check()
            named = f"{file_format.lower()} {subtype or ''}".strip()
            reason = getattr(error, "error_string", error)
            raise FqssError(f"cannot encode audio as {named}: {reason}") from error
        for tag, text in (tags or {}).items():
            with contextlib.suppress(soundfile.SoundFileError):
                setattr(self._file, tag, text)

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except soundfile.SoundFileError as error:
            raise FqssError(f"cannot encode the audio: {error}") from error
        finally:
            self._bytes.close()
            self._bytes.check()

    def write(self, waveform: AnySamples) -> None:
        """Appends floats or int16, [samples] or [samples, channels].

        Raises:
            FqssError: the format cannot hold the samples. OSError: the operating system refused.
        """
        given: NDArray[Any] = np.asarray(waveform)
        samples, clipped = _integer_samples(given, self._file.subtype)
        try:
            self._file.write(samples)
        except soundfile.SoundFileError as error:
            self._bytes.check()
            raise FqssError(f"cannot encode the audio: {error}") from error
        self._bytes.check()
        self.clipped += clipped


class _Bytes:
    """The file under libsndfile, which passes on no error of the operating system."""

    def __init__(self, path: PathLike) -> None:
        self._error: OSError | None = None
        self._file = open(path, "wb", buffering=0)
        self.seek, self.tell = self._file.seek, self._file.tell

    def write(self, content: bytes) -> int:
        written = 0
        try:
            while written < len(content):
                written += self._file.write(content[written:])
        except OSError as error:
            self._error = self._error or error
        return written

    def close(self) -> None:
        self._file.close()

    def check(self) -> None:
        if self._error is not None:
            raise self._error


def _bytes_per_sample(subtype: str | None) -> int:
    return INTEGER_BITS.get(subtype or "", 64 if subtype == "DOUBLE" else 32) // 8


def _integer_samples(
    waveform: AnySamples, subtype: str
) -> tuple[NDArray[np.int32] | NDArray[np.float32], int]:
    """Integers scaled here, because soundfile scales by 2**15 - 1 and a read file would not return.

    Returns int32 with the sample in the high bits, as soundfile takes it for every integer type,
    or float32 for the other types, and how many samples were clipped.
    """
    if waveform.dtype == np.int16:
        if subtype in INTEGER_BITS:
            return waveform.astype(np.int32) << 16, 0
        waveform = waveform / np.float32(2**15)
    if subtype not in INTEGER_BITS:
        return waveform.astype(np.float32), 0
    bits = INTEGER_BITS[subtype]
    limit = 2 ** (bits - 1)
    exact = np.round(waveform.astype(np.float64) * limit)
    fitting = np.clip(exact, -limit, limit - 1)
    clipped = int(np.count_nonzero(exact != fitting))
    return (fitting.astype(np.int64) << (32 - bits)).astype(np.int32), clipped
