"""Formats that libsndfile does not read, such as m4a and video, through ffmpeg if it is there."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Set
from pathlib import Path

import numpy as np

from fqss_tf.errors import FqssError
from fqss_tf.types import Waveform

FLOAT = np.dtype("<f4")
# What such files begin with, from which byte on.
BEGINNINGS = (
    (4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (4, b"free"),  # MP4 and its kin
    (0, b"\x1aE\xdf\xa3"),  # Matroska and WebM
    (0, b"0&\xb2u\x8ef\xcf\x11"),  # WMA, WMV
    (0, b"\xff\xf1"), (0, b"\xff\xf9"), (0, b"ADIF"),  # AAC
    (0, b"#!AMR"), (0, b"\x0bw"), (0, b"\x7f\xfe\x80\x01"),  # AMR, AC-3, DTS
    (8, b"AVI "), (0, b"FLV\x01"), (0, b"\0\0\1\xba"),  # video
    (0, b"MAC "), (0, b"wvpk"), (0, b"TTA1"), (0, b"DSD "),
)  # fmt: skip
# Formats that libsndfile reads, but not with each codec that may be in them.
CONTAINERS = ((0, b"OggS"), (0, b"caff"), (8, b"WAVE"))
# What cannot be known by its first bytes.
SUFFIXES = (".aac", ".ts", ".m2ts", ".mts", ".mpg", ".ogv", ".spx", ".tak", ".mpc", ".ra", ".rm")


def is_for_ffmpeg(path: Path, name: Path) -> bool:
    """Tells whether a file that libsndfile refuses is one of a kind that ffmpeg reads.

    Args:
        path: of the content.
        name: what the user calls it.

    Raises:
        OSError: it cannot be read.
    """
    head = _head(path)
    return _begins(head, BEGINNINGS) or bool(head) and name.suffix.lower() in SUFFIXES


def holds_many_codecs(path: Path) -> bool:
    """Tells whether a file that libsndfile refuses may be read by ffmpeg if that is there.

    Args:
        path: of the content.

    Raises:
        OSError: it cannot be read.
    """
    return _begins(_head(path), CONTAINERS)


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(16)


def _begins(head: bytes, beginnings: Iterable[tuple[int, bytes]]) -> bool:
    return any(head[place:].startswith(beginning) for place, beginning in beginnings)


class FfmpegFile:
    """The first sound of any file that ffmpeg reads, as it comes out of a pipe.

    Attributes: ``samplerate`` in Hz, ``channels``, ``frames`` (samples per channel by the length
    that the file gives in seconds, 0 if it gives none), ``tags`` by their names in small letters,
    ``complaint`` (the first line that ffmpeg wrote of a damaged file, empty until the end is read
    and of good files).

    Args:
        path: of a regular file.
        name: what the user calls it.

    Raises:
        FqssError: no ffmpeg on PATH, it cannot read the file, or there is no sound in it.
    """

    def __init__(self, path: Path, name: Path) -> None:
        self.complaint = ""
        if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
            raise FqssError(
                f"{name} is a format that ffmpeg reads: install ffmpeg, or convert it to WAV"
            )
        source = f"file:{path.resolve()}"  # /dev/stdin is another one in ffmpeg
        safe = ("-v", "error", "-protocol_whitelist", "file")
        asked = subprocess.run(
            ["ffprobe", *safe, "-of", "json", "-show_entries",
             "stream=codec_type,codec_name,sample_rate,channels:format=duration:format_tags",
             source],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        try:
            answer = json.loads(asked.stdout)
            streams = answer["streams"]
            stream = next(each for each in streams if each.get("codec_type") == "audio")
            self.samplerate, self.channels = int(stream["sample_rate"]), int(stream["channels"])
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            reason = _first_line(asked.stderr, source) or "there is no sound in it"
            raise FqssError(f"ffmpeg cannot read {name}: {reason}") from error
        if self.samplerate < 1 or self.channels < 1:
            raise FqssError(f"ffmpeg cannot read {name}: it knows neither rate nor channels")
        try:
            seconds = float(answer["format"]["duration"])
        except (KeyError, ValueError):
            seconds = 0.0
        self.frames = round(seconds * self.samplerate)
        tags = answer.get("format", {}).get("tags", {})
        self.tags: dict[str, str] = {name.lower(): text for name, text in tags.items()}
        self._source, self._safe = source, safe
        names = {each.get("codec_name") for each in streams if each is not stream}
        self._others = names - {stream.get("codec_name"), None}
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()

    def read(self, size: int) -> Waveform:
        """Returns the next float32 [size, channels]; less only at the end."""
        if self._process is None:
            self._process = self._started()
        assert self._process.stdout is not None  # a pipe was asked for
        width = FLOAT.itemsize * self.channels
        content = self._process.stdout.read(size * width)
        if len(content) < size * width:
            failed = self._process.wait() != 0
            self._errors.seek(0)
            self.complaint = _first_line(self._errors.read(), self._source, self._others)
            if failed and not self.complaint:
                self.complaint = "it failed"
        whole = len(content) // width * width
        samples = np.frombuffer(content[:whole], FLOAT).astype(np.float32)
        return samples.reshape(-1, self.channels)

    def close(self) -> None:
        """Ends ffmpeg."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._errors.close()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["ffmpeg", "-nostdin", *self._safe, "-i", self._source, "-map", "0:a:0", "-f", "f32le",
             "-ar", str(self.samplerate), "-ac", str(self.channels), "pipe:1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors,
        )  # fmt: skip


def _first_line(errors: bytes, source: str, others: Set[str] = frozenset()) -> str:
    """The first line that is neither of the codecs ``others`` nor says that one came again."""
    lines = errors.decode(errors="replace").replace(f"{source}: ", "").split("\n")
    for line in lines:
        speakers = re.findall(r"\[(?:\S*[/:])?(\S+) @[^\]]*\]", line)
        text = re.sub(r"^(\[[^\]]*\] *)*", "", line).strip()
        is_repeated = text.startswith("Last message repeated")
        if text and not is_repeated and others.isdisjoint(speakers):
            return text
    return ""
