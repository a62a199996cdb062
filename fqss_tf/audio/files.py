"""Reading and writing audio files."""

import io
from pathlib import Path

import numpy as np
import soundfile
import soxr

from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path

INTEGER_BITS = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
UNKNOWN_LENGTH = 2**63 - 1  # what libsndfile says of a FLAC stream whose header has no length


def read(path, rate=None):
    """Reads a whole audio file: WAV, FLAC, OGG, MP3 or whatever else libsndfile decodes.

    Args:
        path: the file.
        rate: sample rate in Hz to resample to; None keeps the file's own.

    Returns:
        (float32 [samples, channels], rate in Hz). Integer files lie in [-1, 1); a float file is
        returned as it is, even where it goes beyond.

    Raises:
        FqssError: no such file, not audio, cut short, no samples, or NaN or infinite samples.
    """
    path = Path(path)
    if not path.is_file():
        reason = "a folder" if path.is_dir() else "missing"
        raise FqssError(f"{path} is {reason}: give an audio file")
    waveform, file_rate = _decode(path)
    if len(waveform) == 0:
        raise FqssError(f"{path} holds no samples")
    if not np.isfinite(waveform).all():
        raise FqssError(f"{path} holds NaN or infinite samples: write it anew without them")
    if rate is None or rate == file_rate:
        return waveform, file_rate
    return resample(waveform, file_rate, rate), rate


def resample(waveform, rate_in, rate_out):
    """Resamples along the first axis; float32 [samples, ...], rates in Hz.

    At least one sample comes back, however few went in.
    """
    if rate_in == rate_out:
        return waveform
    resampled = soxr.resample(waveform, rate_in, rate_out).astype(np.float32, copy=False)
    if len(resampled) == 0:
        return waveform[:1].astype(np.float32)
    return resampled


def write(path, waveform, rate, subtype="PCM_16"):
    """Writes a file in the format that the suffix of ``path`` names, whole or not at all.

    Args:
        path: the file to write.
        waveform: floats, [samples] or [samples, channels].
        rate: sample rate in Hz.
        subtype: soundfile's name of the sample type, e.g. PCM_16, PCM_24 or FLOAT.

    Returns:
        How many samples did not fit an integer type and were clipped.

    Raises:
        FqssError: unknown format or sample type, or the operating system refused to write.
    """
    path = Path(path)
    content, clipped = encode(waveform, rate, path.suffix.lstrip("."), subtype)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return clipped


def encode(waveform, rate, file_format="WAV", subtype="PCM_16"):
    """The bytes of an audio file; arguments and errors as in ``write``.

    Encoding in memory leaves the writing to Python, which reports a full disk; libsndfile may not.

    Returns:
        (bytes, number of clipped samples).
    """
    samples, clipped = _integer_samples(np.asarray(waveform), subtype)
    content = io.BytesIO()
    try:
        soundfile.write(content, samples, rate, format=file_format.upper(), subtype=subtype)
    except (soundfile.SoundFileError, ValueError, TypeError) as error:
        raise FqssError(f"cannot encode audio as {file_format} {subtype}: {error}") from error
    return content.getvalue(), clipped


def _decode(path):
    try:
        with soundfile.SoundFile(path) as file:
            promised, rate = file.frames, file.samplerate
            if promised == UNKNOWN_LENGTH:
                raise FqssError(f"{path} does not say how long it is: encode it anew as a file")
            waveform = file.read(dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise FqssError(f"{path} is not an audio file that can be read, or is damaged") from error
    except OSError as error:
        raise FqssError(f"cannot read {path}: {error.strerror or error}") from error
    if len(waveform) != promised:
        raise FqssError(f"{path} is cut short: {len(waveform)} of {promised} samples are there")
    return waveform, rate


def _integer_samples(waveform, subtype):
    """Integers scaled here, because soundfile scales by 2**15 - 1 and a read file would not return.

    Returns int32 with the sample in the high bits, as soundfile takes it for every integer type.
    """
    if subtype not in INTEGER_BITS:
        return waveform.astype(np.float32), 0
    bits = INTEGER_BITS[subtype]
    limit = 2 ** (bits - 1)
    exact = np.round(waveform.astype(np.float64) * limit)
    fitting = np.clip(exact, -limit, limit - 1)
    clipped = int(np.count_nonzero(exact != fitting))
    return (fitting.astype(np.int64) << (32 - bits)).astype(np.int32), clipped
