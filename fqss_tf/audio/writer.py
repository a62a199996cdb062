"""A new audio file of any length, written block by block."""

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from fqss_tf.audio.samples import by_type
from fqss_tf.errors import FqssError
from fqss_tf.types import AnySamples, PathLike

if TYPE_CHECKING:
    from typing_extensions import Self

INTEGER_BITS = {
    "PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32,
    "ALAC_16": 16, "ALAC_20": 20, "ALAC_24": 24, "ALAC_32": 32,
}
# Types that hold floats over full scale. All others are coded from integers of 16 bits at most,
# and libsndfile would give what is over full scale the opposite sign.
OF_FLOATS = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")
LARGEST = np.float32(1 - 2**-15)
# Of a longer block at once, the Vorbis encoder takes more stack than there is.
BLOCK = 2**16
WAV_BYTES = 2**32 - 2**20  # the size fields of WAV have 32 bits; RF64 is WAV with larger ones
# The only rates that these encoders take, in Hz.
RATES = {
    "OPUS": (8000, 12000, 16000, 24000, 48000),
    "MP3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}


class Writer:
    """A new audio file that grows block by block; a context manager.

    Args:
        path: the file to write. See ``fqss_tf.files.atomic_path`` for whole files or none.
        rate: Hz. What an Opus or MP3 encoder does not take is resampled to the next that it does.
        channels: number of channels.
        file_format: soundfile's name of the format, in any case: "wav", "flac", "ogg" ...; or
            "opus", which is OGG with the sample type OPUS.
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
        subtype = subtype.upper() if subtype else None
        size = _bytes_per_sample(subtype or soundfile.default_subtype("WAV"))
        if file_format == "WAV" and frames * channels * size > WAV_BYTES:
            file_format = "RF64"
        if file_format == "OPUS":
            file_format, subtype = "OGG", "OPUS"
        self._has_short_count = file_format == "WAV" and subtype == "IMA_ADPCM"
        self._frames = 0
        encoder = "OPUS" if subtype == "OPUS" else file_format
        encoded_rate = _encoded_rate(int(rate), encoder)
        self._resampler = None
        if encoded_rate != rate:
            self._resampler = soxr.ResampleStream(rate, encoded_rate, channels, dtype="float32")
        self._bytes = _Bytes(path)
        try:
            self._file = soundfile.SoundFile(
                self._bytes, "w", encoded_rate, channels, subtype, format=file_format
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
            if self._resampler is not None:
                empty = np.zeros((0, self._file.channels), np.float32)
                self._file.write(self._resampler.resample_chunk(empty, last=True))
            self._file.close()
            if self._has_short_count:
                self._bytes.replace_count(self._frames)
        except soundfile.SoundFileError as error:
            raise FqssError(f"cannot encode the audio: {error}") from error
        finally:
            self._bytes.close()
            self._bytes.check()

    def write(self, waveform: AnySamples) -> None:
        """Appends floats or int16, [samples] or [samples, channels].

        Raises:
            FqssError: samples of a type without a full scale, or the format cannot
                hold them. OSError: the operating system refused.
        """
        given = by_type(waveform)
        self._frames += len(given)
        samples, clipped = _integer_samples(given, self._file.subtype)
        try:
            if self._resampler is not None:  # of encoders that take floats
                samples = self._resampler.resample_chunk(
                    np.ascontiguousarray(samples.reshape(len(samples), -1))
                )
            for start in range(0, len(samples), BLOCK):
                self._file.write(samples[start : start + BLOCK])
        except soundfile.SoundFileError as error:
            self._bytes.check()
            raise FqssError(f"cannot encode the audio: {error}") from error
        self._bytes.check()
        self.clipped += clipped


class _Bytes:
    """The file under libsndfile, which passes on no error of the operating system."""

    def __init__(self, path: PathLike) -> None:
        self._error: OSError | None = None
        self._file = open(path, "w+b", buffering=0)
        self.seek, self.tell = self._file.seek, self._file.tell

    def write(self, content: bytes) -> int:
        written = 0
        try:
            while written < len(content):
                written += self._file.write(content[written:])
        except OSError as error:
            self._error = self._error or error
        return written

    def replace_count(self, frames: int) -> None:
        """Writes the number of samples where libsndfile counts those that fill the last block."""
        self._file.seek(0)
        place = self._file.read(128).find(b"fact")
        if place >= 0:
            self._file.seek(place + 8)
            self.write(frames.to_bytes(4, "little"))

    def close(self) -> None:
        self._file.close()

    def check(self) -> None:
        if self._error is not None:
            raise self._error


def _bytes_per_sample(subtype: str | None) -> int:
    other = {"DOUBLE": 8, "ULAW": 1, "ALAW": 1}.get(subtype or "", 4)
    return INTEGER_BITS[subtype] // 8 if subtype in INTEGER_BITS else other


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
    if subtype in OF_FLOATS:
        return waveform.astype(np.float32), 0
    if subtype not in INTEGER_BITS:
        fitting = np.clip(waveform, -1, LARGEST).astype(np.float32)
        return fitting, int(np.count_nonzero((waveform < -1) | (waveform >= 1)))
    bits = INTEGER_BITS[subtype]
    limit = 2 ** (bits - 1)
    exact = np.round(waveform.astype(np.float64) * limit)
    fitting = np.clip(exact, -limit, limit - 1)
    clipped = int(np.count_nonzero(exact != fitting))
    return (fitting.astype(np.int64) << (32 - bits)).astype(np.int32), clipped


def _encoded_rate(rate: int, encoder: str) -> int:
    """The lowest rate that loses nothing, else the highest there is."""
    rates = RATES.get(encoder, (rate,))
    return next((each for each in rates if each >= rate), rates[-1])
