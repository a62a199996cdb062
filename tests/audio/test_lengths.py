"""Whatever a header says of the length: all that can be decoded is read, and no cut goes unseen."""

import io

import numpy as np
import pytest
import soundfile
from joined_files import (
    RATE,
    SECOND,
    encoded,
    flac_of_unknown_length,
    tone,
    variable_rate_mp3,
    with_data_size,
    without_count,
)

from fqss_tf import audio
from fqss_tf.audio.decoding import examine
from fqss_tf.audio.extent import PartFile
from fqss_tf.errors import FqssError

# Codecs add up to two frames of their own at the start and the end.
MP3_SLACK = 2 * 1152

WAV = encoded("WAV")
MP3 = encoded("MP3")
FORMATS = [
    ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"),
    ("WAV", "GSM610"), ("WAVEX", "PCM_24"), ("RF64", "PCM_16"), ("W64", "PCM_16"),
    ("AIFF", "PCM_16"), ("CAF", "PCM_16"), ("AU", "PCM_16"), ("FLAC", "PCM_16"), ("MP3", None),
    ("OGG", "VORBIS"), ("OGG", "OPUS"),
]  # fmt: skip


def read(tmp_path, content, **options):
    path = tmp_path / "a.audio"
    path.write_bytes(content)
    return audio.read(path, **options)[0][:, 0]


def caf_from_a_pipe():
    content = encoded("CAF")
    place = content.index(b"data") + 4
    return content[:place] + b"\xff" * 8 + content[place + 8 :]


@pytest.mark.parametrize("size", [0, 2**32 - 1, 2**31, 2**31 - 1, 2**31 - 2**12, 1000])
def test_wav_is_read_to_its_end(tmp_path, size):
    expected = read(tmp_path, WAV)
    assert np.array_equal(read(tmp_path, with_data_size(WAV, size)), expected)


def test_what_follows_the_samples_of_a_wav_is_no_sound(tmp_path):
    content = WAV + b"LIST\x0a\0\0\0INFOabcdef"
    assert np.array_equal(read(tmp_path, content), read(tmp_path, WAV))


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24"])
def test_a_chunk_may_follow_without_padding(tmp_path, subtype):
    stream = io.BytesIO()
    soundfile.write(stream, tone(1001), RATE, format="WAV", subtype=subtype)
    content = stream.getvalue()
    size = 1001 * (1 if subtype == "PCM_U8" else 3)
    content = content[: content.index(b"data") + 8 + size]  # without what libsndfile fills up
    found = read(tmp_path, content + b"LIST\x0a\0\0\0INFOabcdef")
    assert np.array_equal(found, read(tmp_path, content)) and len(found) == 1001


def test_a_tag_of_mp3s_behind_a_wav_is_no_sound(tmp_path):
    content = WAV + b"TAG" + b"title".ljust(125)
    assert np.array_equal(read(tmp_path, content), read(tmp_path, WAV))


@pytest.mark.parametrize("size", ["placeholder", "overflowed"])
def test_a_wav_of_more_bytes_than_its_header_can_tell_is_read_to_its_end(tmp_path, size):
    samples, rate = 2**30 + 44_100, 44_100  # two channels of 16 bits
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros((0, 2)), rate, format="WAV", subtype="PCM_16")
    told = 2**32 - 1 if size == "placeholder" else 4 * samples % 2**32
    path = tmp_path / "long.wav"
    with open(path, "wb") as file:
        file.write(with_data_size(stream.getvalue(), told))
        file.truncate(44 + 4 * samples)  # a sparse file
        file.seek(-4, io.SEEK_END)
        file.write(b"\x34\x12\x78\x56")
    with audio.Reader(path) as file:
        assert (file.frames, file.rate, file.channels) == (samples, rate, 2)
    facts = examine(path, path)
    ((part, _),) = facts.parts
    with open(path, "rb") as whole, soundfile.SoundFile(PartFile(whole, part)) as file:
        file.seek(samples - 2)
        assert file.read(dtype="int16").tolist() == [[0, 0], [0x1234, 0x5678]]


@pytest.mark.parametrize("size", [0, 10, 2**64 - 1])
def test_a_w64_chunk_smaller_than_its_header_ends(tmp_path, size):
    content = encoded("W64")
    place = content.index(b"fmt ") + 16
    with pytest.raises(FqssError):
        read(tmp_path, content[:place] + size.to_bytes(8, "little") + content[place + 8 :])


@pytest.mark.parametrize("content, lossless", [
    (flac_of_unknown_length(), encoded("FLAC")), (caf_from_a_pipe(), encoded("CAF")),
])  # fmt: skip
def test_a_file_from_a_pipe_is_read_to_its_end(tmp_path, content, lossless):
    assert np.array_equal(read(tmp_path, content), read(tmp_path, lossless))


def test_mp3_without_a_count_is_read_to_its_end(tmp_path):
    assert abs(len(read(tmp_path, without_count(MP3))) - SECOND) <= MP3_SLACK
    content, samples = variable_rate_mp3()
    found = read(tmp_path, content)
    assert abs(len(found) - len(samples)) <= MP3_SLACK
    assert np.abs(found[-SECOND // 2 :]).max() > 0.2


def test_an_mp3_whose_frames_begin_later_is_read_to_its_end(tmp_path):
    content, samples = variable_rate_mp3()
    path = tmp_path / "a.mp3"
    path.write_bytes(bytes(1000) + content)
    assert abs(len(audio.read(path)[0]) - len(samples)) <= MP3_SLACK


@pytest.mark.parametrize("between", [b"", b"ID3\x04\0\0\0\0\1\0" + bytes(128), b"TAG" + bytes(125)])
@pytest.mark.parametrize("is_counted", [True, False])
def test_joined_mp3s_are_one_recording(tmp_path, between, is_counted):
    content = MP3 if is_counted else without_count(MP3)
    alone = read(tmp_path, content)
    joined = read(tmp_path, content + between + content)
    assert abs(len(joined) - 2 * len(alone)) <= (0 if is_counted else MP3_SLACK)
    assert np.array_equal(joined[: SECOND // 2], alone[: SECOND // 2])
    assert np.sqrt(np.mean(joined[-SECOND // 2 :] ** 2)) > 0.15


@pytest.mark.parametrize("cut", [8, 12, 23])
def test_an_mp3_that_ends_within_a_tag_is_read(tmp_path, cut):
    tag = b"APETAGEX" + (2000).to_bytes(4, "little") + bytes(20)
    content = without_count(MP3)
    assert len(read(tmp_path, content + tag[:cut])) == len(read(tmp_path, content))


# Nothing in CAF, W64 and AU says where such a file ends.
@pytest.mark.parametrize(
    "file_format, subtype", [each for each in FORMATS if each[0] not in ("CAF", "W64", "AU")]
)
def test_joined_files_are_one_recording(tmp_path, file_format, subtype):
    content = encoded(file_format, subtype)
    alone = read(tmp_path, content)
    assert np.array_equal(read(tmp_path, content + content), np.concatenate([alone, alone]))


def test_joined_files_of_two_rates_are_refused(tmp_path):
    other = with_data_size(WAV, len(WAV) - 44)
    other = other.replace((8000).to_bytes(4, "little"), (16000).to_bytes(4, "little"), 1)
    with pytest.raises(FqssError, match="different rates"):
        read(tmp_path, WAV + other)


@pytest.mark.parametrize("file_format, subtype", FORMATS)
def test_a_cut_file_is_refused_or_kept_up_to_there(tmp_path, logged, file_format, subtype):
    whole = encoded(file_format, subtype, samples=4 * SECOND)
    cut = whole[: len(whole) * 2 // 3 + 1]
    expected = read(tmp_path, whole)
    with pytest.raises(FqssError, match=r"a.audio is damaged or cut short after [12]\.\d+ s"):
        read(tmp_path, cut)
    kept = read(tmp_path, cut, keep_going=True)
    assert SECOND < len(kept) < 3 * SECOND
    assert np.allclose(kept[:SECOND], expected[:SECOND], atol=1e-4)
    (line,) = logged()
    assert f"cut short after {len(kept) / RATE:.2f} s" in line


def test_mp3_without_a_count_is_cut_where_a_frame_is(tmp_path):
    content = without_count(MP3)
    with pytest.raises(FqssError, match="cut short"):
        read(tmp_path, content[:-10])


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "GSM610"])
@pytest.mark.parametrize("samples", [5000, 5001, 96000])
def test_blocks_of_a_codec_do_not_lengthen_a_recording(tmp_path, subtype, samples):
    path = tmp_path / "a.wav"
    audio.write(path, tone(samples), RATE, subtype)
    assert len(audio.read(path)[0]) == samples


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_floats_of_integer_scale_are_scaled(tmp_path, logged, bits):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone() * 2.0 ** (bits - 1), RATE, subtype="FLOAT")
    assert np.array_equal(audio.read(path)[0][:, 0], tone())
    (line,) = logged()
    assert f"taken as {bits}-bit numbers" in line


def test_floats_a_little_over_full_scale_stay(tmp_path, logged):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone() * 40, RATE, subtype="FLOAT")
    assert np.array_equal(audio.read(path)[0][:, 0], tone() * 40)
    assert logged() == []
