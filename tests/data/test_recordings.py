import numpy as np
import pytest
import soundfile

from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.recordings import is_data_set, recorded_segments
from fqss_tf.errors import FqssError

RATE, SAMPLES = 8000, 4000


@pytest.fixture
def folder(tmp_path):
    """A long quiet recording at 16 kHz in two channels, a short one, silence, and no sound."""
    rng = np.random.default_rng(0)
    (tmp_path / "deeper").mkdir()
    soundfile.write(tmp_path / "a.wav", rng.uniform(-0.1, 0.1, (16000 * 3, 2)), 16000)
    soundfile.write(tmp_path / "deeper" / "b.flac", rng.uniform(-0.5, 0.5, 1000), RATE)
    soundfile.write(tmp_path / "silence.wav", np.zeros(SAMPLES), RATE)
    (tmp_path / "notes.txt").write_text("no sound")
    return tmp_path


def segments(folder, most=100):
    return list(recorded_segments(folder, RATE, SAMPLES, most, BadFilePolicy()))


def test_recordings_are_cut_resampled_and_levelled(folder):
    found = segments(folder)
    assert len(found) == 6 + 1  # half seconds of 3 s, and the short one
    for segment in found:
        assert segment.shape == (SAMPLES,) and segment.dtype == np.float32
        assert np.abs(segment).max() == pytest.approx(1)
    assert np.all(found[-1][1000:] == 0)


def test_fewer_segments_come_from_all_recordings(folder):
    assert len(segments(folder, most=4)) == 4
    assert any(np.all(segment[1000:] == 0) for segment in segments(folder, most=8))


def test_what_cannot_be_measured_on(tmp_path, folder):
    with pytest.raises(FqssError, match="no such folder"):
        segments(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FqssError, match="holds no audio files"):
        segments(tmp_path / "empty")
    (folder / "deeper" / "c.wav").write_bytes(b"noise")
    with pytest.raises(FqssError, match="c.wav: cannot be read as audio"):
        segments(folder)


def test_silence_alone_is_refused(tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(SAMPLES), RATE)
    with pytest.raises(FqssError, match="silent"):
        segments(tmp_path)


def test_a_data_set_is_told_from_recordings(folder):
    assert not is_data_set(folder) and not is_data_set(folder / "nowhere")
    (folder / "train").mkdir()
    assert is_data_set(folder)
