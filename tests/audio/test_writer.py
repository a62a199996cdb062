import numpy as np
import pytest
import soundfile

from fqss_tf.audio import Reader, Writer, read
from fqss_tf.errors import FqssError

TAGS = {"title": "Sitzung", "artist": "Änne", "comment": "two voices", "date": "2024"}


def noise(samples, channels):
    return np.random.default_rng(0).uniform(-1, 1, (samples, channels)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_written_blocks_return(tmp_path, dtype, subtype):
    samples = np.arange(-(2**15), 2**15, 7).astype(np.int16)
    waveform = samples if dtype == np.int16 else samples / np.float32(2**15)
    with Writer(tmp_path / "a.wav", 8000, subtype=subtype) as file:
        for start in range(0, len(waveform), 999):
            file.write(waveform[start : start + 999])
    assert file.clipped == 0
    assert np.array_equal(read(tmp_path / "a.wav")[0][:, 0] * 2**15, samples)


def test_clipped_samples_are_counted_over_all_blocks(tmp_path):
    with Writer(tmp_path / "a.wav", 8000) as file:
        file.write(np.array([0.5, 1.5]))
        file.write(np.array([-1.5, -1.0, 1.0]))
    assert file.clipped == 3
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist()[1:] == [
        32767, -32768, -32768, 32767,
    ]  # fmt: skip


@pytest.mark.parametrize("file_format", ["wav", "flac", "ogg", "aiff", "caf", "mp3"])
def test_tags_are_kept_where_the_format_has_a_place(tmp_path, file_format):
    source = tmp_path / "source.flac"
    with Writer(source, 8000, 1, "flac", tags=TAGS) as file:
        file.write(noise(8000, 1))
    with Reader(source) as file:
        assert file.tags == TAGS
    copy = tmp_path / f"copy.{file_format}"
    with Writer(copy, 8000, 1, file_format, tags=TAGS) as file:
        file.write(noise(8000, 1))
    with Reader(copy) as file:
        kept = file.tags
    assert kept.items() <= TAGS.items()
    if file_format in ("wav", "flac", "ogg"):
        assert kept == TAGS


def test_a_wav_over_4_gigabytes_is_written_as_rf64(tmp_path):
    with Writer(tmp_path / "a.wav", 8000, subtype="PCM_16", frames=2**31) as file:
        file.write(np.zeros(10))
    assert soundfile.info(tmp_path / "a.wav").format == "RF64"
    with Writer(tmp_path / "b.wav", 8000, subtype="PCM_16", frames=2**30) as file:
        file.write(np.zeros(10))
    assert soundfile.info(tmp_path / "b.wav").format == "WAV"


def test_a_sample_type_may_be_written_small(tmp_path):
    for name in ("ima_adpcm", "IMA_ADPCM"):
        with Writer(tmp_path / f"{name}.wav", 8000, subtype=name) as file:
            file.write(np.zeros(1000))
        assert len(read(tmp_path / f"{name}.wav")[0]) == 1000
    with Writer(tmp_path / "a.ogg", 44100, file_format="ogg", subtype="opus") as file:
        file.write(np.zeros(44100))
    assert soundfile.info(tmp_path / "a.ogg").samplerate == 48000


@pytest.mark.parametrize(("subtype", "seconds_of_bytes"), [(None, 2), ("ulaw", 1), ("FLOAT", 4)])
def test_a_wav_is_rf64_only_where_it_has_to_be(tmp_path, subtype, seconds_of_bytes):
    most = (2**32 - 2**21) // seconds_of_bytes
    for frames, expected in ((most, "WAV"), (most + 2**21, "RF64")):
        with Writer(tmp_path / "a.wav", 8000, subtype=subtype, frames=frames) as file:
            file.write(np.zeros(10))
        assert soundfile.info(tmp_path / "a.wav").format == expected


def test_a_full_disk_is_an_error_of_the_operating_system(tmp_path, small_files_only):
    with pytest.raises(OSError, match="File too large"), small_files_only():
        with Writer(tmp_path / "a.flac", 8000, 1, "flac") as file:
            for _ in range(10):
                file.write(noise(10000, 1))


@pytest.mark.parametrize("file_format, subtype", [("xyz", None), ("wav", "PCM_99"), ("raw", None)])
def test_unknown_formats_are_refused(tmp_path, file_format, subtype):
    with pytest.raises(FqssError, match="cannot encode audio"):
        Writer(tmp_path / "a", 8000, 1, file_format, subtype)


@pytest.mark.parametrize("file_format, subtype, error", [
    ("wav", "ULAW", 0.03), ("wav", "ALAW", 0.03), ("wav", "IMA_ADPCM", 0.3),
    ("wav", "MS_ADPCM", 0.3), ("wav", "GSM610", 0.6), ("caf", "ALAC_16", 1e-4),
    ("caf", "ALAC_24", 1e-6),
])  # fmt: skip
def test_samples_over_full_scale_are_clipped_in_every_type(tmp_path, file_format, subtype, error):
    loud = 1.5 * np.sin(2 * np.pi * 100 * np.arange(8000) / 8000)
    path = tmp_path / "a"
    with Writer(path, 8000, 1, file_format, subtype) as file:
        file.write(loud)
    assert 0.4 * 8000 < file.clipped < 0.6 * 8000
    found = soundfile.read(path)[0][:8000]
    settled = 800  # ADPCM's steps begin small
    assert np.abs(found - np.clip(loud, -1, 1))[settled:].max() < error


def test_a_long_waveform_is_written_as_vorbis_at_once(tmp_path):
    with Writer(tmp_path / "a.ogg", 48000, 1, "ogg") as file:
        file.write(np.zeros(3_000_000, np.float32))
    assert soundfile.info(tmp_path / "a.ogg").frames == 3_000_000
