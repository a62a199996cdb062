"""Memory and time of separating a recording of hours."""

import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from fqss_tf.benchmark.apart import Apart, Channel
from fqss_tf.benchmark.memory import peak_bytes
from fqss_tf.errors import FqssError
from fqss_tf.tflite.file import FileLike, TfliteFile
from fqss_tf.types import Json, OnProgress

PROGRESS_EVERY = 60  # seconds of the recording


def measure_long_recording(
    file: FileLike,
    minute: NDArray[np.int16],
    hours: float,
    threads: int = 1,
    progress: OnProgress | None = None,
) -> Json:
    """Separates a WAV file of hours in a process of its own, as ``fqss-tf separate`` does.

    The file and its sources lie in the folder for temporary files meanwhile, 58 MB an hour each
    with two sources at 8 kHz.

    Args:
        file: a .tflite file for segments, open already or by its path.
        minute: int16 [samples] at the model's rate, which is repeated to fill the hours.
        hours: length of the recording.
        threads: CPU threads.
        progress: called as ``progress(done, total)`` in samples, if given.

    Returns:
        Dict of ``hours``, ``peak_bytes`` of the whole process (None where the system does not say),
        and ``real_time_factor``, with reading and writing.

    Raises:
        FqssError: the model cannot be used, or there is no room for the files.
    """
    file = TfliteFile.open(file)
    rate = file.metadata.sample_rate
    samples = round(hours * 3600 * rate)
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording.wav"
        try:
            _write(recording, rate, minute, samples)
        except (OSError, soundfile.SoundFileError) as error:
            raise FqssError(f"cannot write the recording to {folder}: {error}") from error
        started = time.perf_counter()
        with Apart(str(file.path), _separate, file.path.absolute(), recording, threads) as process:
            while not isinstance(message := process.receive(), dict):
                if progress is not None:
                    progress(message, samples)
        seconds = time.perf_counter() - started
    return {
        "hours": hours,
        "peak_bytes": message["peak_bytes"],
        "real_time_factor": seconds * rate / samples,
    }


def _write(path: Path, rate: int, minute: NDArray[np.int16], samples: int) -> None:
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for start in range(0, samples, len(minute)):
            file.write(minute[: samples - start])


def _separate(channel: Channel, path: Path, recording: Path, threads: int) -> None:
    from fqss_tf.runtime import Separator

    reported = 0.0

    def report(done: float, _: float) -> None:
        nonlocal reported
        if done - reported >= PROGRESS_EVERY * separator.metadata.sample_rate:
            reported = done
            channel.send(done)

    with Separator(path, threads) as separator:
        names = separator.metadata.sources
        targets = {name: recording.with_name(f"{name}.wav") for name in names}
        separator.separate_file(recording, targets, progress=report)
    channel.send({"peak_bytes": peak_bytes()})
