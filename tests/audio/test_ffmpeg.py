"""Formats of ffmpeg: m4a, webm, wma and video. Without ffmpeg only what needs none is tried."""

import shutil
import subprocess

import numpy as np
import pytest
import soundfile
from joined_files import RATE, tone

from fqss_tf import audio
from fqss_tf.audio.ffmpeg import _first_line
from fqss_tf.errors import FqssError

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="needs ffmpeg on PATH"
)


@pytest.fixture
def make(tmp_path):
    """Function that encodes two seconds of the tone and returns the path."""

    def encode(suffix, *options):
        source, path = tmp_path / "source.wav", tmp_path / f"a.{suffix}"
        soundfile.write(source, tone(2 * RATE), RATE)
        subprocess.run(["ffmpeg", "-v", "error", "-i", source, *options, path], check=True)
        return path

    return encode


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    return path


@needs_ffmpeg
@pytest.mark.parametrize("suffix, options", [
    ("mkv", ("-c:a", "pcm_s16le")), ("mp4", ("-f", "lavfi", "-i", "color=s=64x64:d=2")),
])  # fmt: skip
def test_what_libsndfile_does_not_read_is_read_through_ffmpeg(make, tmp_path, suffix, options):
    waveform, rate = audio.read(make(suffix, *options, "-metadata", "title=Sitzung"))
    assert (rate, waveform.dtype, waveform.shape[1]) == (RATE, np.float32, 1)
    assert abs(len(waveform) - 2 * RATE) <= 4096  # codecs add a frame or two
    expected = np.sqrt(np.mean(tone(2 * RATE) ** 2))
    assert np.sqrt(np.mean(waveform**2)) == pytest.approx(expected, rel=0.1)
    with audio.Reader(tmp_path / f"a.{suffix}") as file:
        assert file.tags["title"] == "Sitzung"
    if suffix == "mkv":
        assert np.abs(waveform[:, 0] - tone(2 * RATE)).max() < 2**-15


@needs_ffmpeg
@pytest.mark.parametrize("suffix, options", [
    ("oga", ("-c:a", "flac")), ("caf", ("-c:a", "alac")),
    ("wav", ("-c:a", "libmp3lame")), ("mp2", ("-ar", "44100")),
])  # fmt: skip
def test_other_codecs_in_formats_of_libsndfile_are_read(make, suffix, options):
    waveform, rate = audio.read(make(f"b.{suffix}", *options))
    assert abs(len(waveform) / rate - 2) < 0.2
    assert np.sqrt(np.mean(waveform**2)) == pytest.approx(
        np.sqrt(np.mean(tone(2 * RATE) ** 2)), rel=0.15
    )


def test_faults_of_the_picture_are_none_of_the_sound():
    of_picture = b"[h264 @ 0x5] non-existing PPS 0 referenced\n    Last message repeated 3 times\n"
    newer = b"[vist#0:0/h264 @ 0x5] [dec:h264 @ 0x6] Error submitting packet\n"
    of_sound = b"[aac @ 0x7] Input buffer exhausted\n"
    assert _first_line(of_picture + newer, "", {"h264"}) == ""
    assert _first_line(of_picture + of_sound, "", {"h264"}) == "Input buffer exhausted"
    assert _first_line(b"file:/a.ts: Invalid data\n", "file:/a.ts", {"h264"}) == "Invalid data"


@needs_ffmpeg
@pytest.mark.parametrize("content", [b"OggS", b"caff\0\1\0\0", b"RIFF\0\1\0\0WAVE"])
def test_a_damaged_file_of_libsndfile_is_not_laid_to_ffmpeg(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content + bytes(100))
    with pytest.raises(FqssError, match="not an audio file that can be read, or is damaged"):
        audio.read(tmp_path / "a.wav")


@needs_ffmpeg
def test_a_video_without_sound_is_refused(tmp_path):
    path = tmp_path / "silent.mp4"
    picture = ["-f", "lavfi", "-i", "color=s=64x64:d=0.1"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, path], check=True)
    with pytest.raises(FqssError, match="silent.mp4: there is no sound in it"):
        audio.read(path)


@needs_ffmpeg
def test_a_cut_file_is_refused_or_kept_up_to_there(make, logged):
    path = cut(make("m4a", "-movflags", "faststart"))
    with pytest.raises(FqssError, match=r"a.m4a is damaged or cut short after 1\.\d+ s \(ffmpeg: "):
        audio.read(path)
    assert RATE < len(audio.read(path, keep_going=True)[0]) < 2 * RATE
    (line,) = logged()
    assert "the rest is missing" in line


@needs_ffmpeg
def test_a_damaged_file_is_one_line(tmp_path):
    path = tmp_path / "a.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(1000))
    with pytest.raises(FqssError, match="ffmpeg cannot read .*a.m4a: ") as caught:
        audio.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\0\0\0\x20ftypM4A ", b"\x1aE\xdf\xa3\1\0\0\0"])
def test_without_ffmpeg_the_line_says_what_to_install(tmp_path, monkeypatch, content):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.m4a").write_bytes(content)
    with pytest.raises(FqssError, match="a.m4a is a format that ffmpeg reads: install ffmpeg"):
        audio.read(tmp_path / "a.m4a")
