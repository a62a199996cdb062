import numpy as np
import pytest
import soundfile
import tensorflow as tf

from fqss_tf.data.bad_files import bad_files_named
from fqss_tf.data.effects import Rooms, clipped, in_telephone_band
from fqss_tf.errors import FqssError

RATE = 8000


def write_room(folder, taps, rate=RATE):
    folder.mkdir(parents=True, exist_ok=True)
    response = np.zeros(rate // 4, np.float32)
    for seconds, gain in taps.items():
        response[round(seconds * rate)] = gain
    soundfile.write(folder / "room.wav", response, rate, "FLOAT")


def test_a_room_is_heard_from_its_direct_sound_on_at_unit_energy(tmp_path):
    write_room(tmp_path / "a", {0.01: 0.4, 0.02: 0.3})
    rooms = Rooms([tmp_path], RATE)
    assert len(rooms) == 1
    waveforms = np.random.default_rng(0).normal(size=(2, 2, 1000)).astype(np.float32)
    found = rooms.convolved(waveforms, np.array([[-1, 0], [-1, -1]], np.int32))
    np.testing.assert_array_equal(found[[0, 1, 1], [0, 0, 1]], waveforms[[0, 1, 1], [0, 0, 1]])
    expected = 0.8 * waveforms[0, 1]
    expected[80:] += 0.6 * waveforms[0, 1, :-80]
    np.testing.assert_allclose(found[0, 1], expected, atol=1e-4)


def test_a_room_of_another_rate_is_resampled(tmp_path):
    write_room(tmp_path, {0.01: 1.0, 0.03: 0.5}, 2 * RATE)
    impulse = np.zeros((1, 1, 1000), np.float32)
    impulse[..., 0] = 1
    heard = Rooms([tmp_path], RATE).convolved(impulse, np.zeros((1, 1), np.int32))[0, 0]
    assert np.abs(heard).argmax() == 0 and 10 + np.abs(heard[10:]).argmax() == 160


def test_a_folder_without_responses_and_one_that_is_broken(tmp_path):
    with pytest.raises(FqssError, match="holds no audio files; data.room_responses names it"):
        Rooms([tmp_path], RATE)
    (tmp_path / "room.wav").write_bytes(b"RIFF")
    with pytest.raises(FqssError, match="room.wav: cannot be read as a room response"):
        Rooms([tmp_path], RATE).convolved(np.ones((1, 1, 10)), np.zeros((1, 1), np.int32))


@pytest.mark.parametrize(("frequency", "kept"), [(100, 0.0), (1000, 1.0), (3900, 0.0)])
def test_a_telephone_carries_speech_alone(frequency, kept):
    tone = np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE).astype(np.float32)
    found = in_telephone_band(np.array([[tone], [tone]]), np.array([True, False]), RATE)
    np.testing.assert_array_equal(found[1, 0], tone)
    assert found[0, 0, 1000:].std() / tone.std() == pytest.approx(kept, abs=0.05)


def test_an_overloaded_mixture_is_clipped_at_its_peak_and_its_sources_are_not():
    sources = np.array([[[0.5, 0.1, -0.2]], [[0.5, 0.1, -0.2]]], np.float32)
    mixture, raised = clipped(sources[:, 0], sources, np.array([0.5, 1.0], np.float32))
    np.testing.assert_allclose(mixture, [[0.5, 0.2, -0.4], [0.5, 0.1, -0.2]])
    np.testing.assert_allclose(raised[:, 0], [[1.0, 0.2, -0.4], [0.5, 0.1, -0.2]])


def test_a_broken_room_is_named_behind_tensorflow(tmp_path):
    (tmp_path / "room.wav").write_bytes(b"RIFF")
    rooms = Rooms([tmp_path], RATE)
    with pytest.raises(FqssError, match="room.wav: cannot be read"), bad_files_named():
        tf.numpy_function(
            rooms.convolved, [np.ones((1, 1, 10)), np.zeros((1, 1), np.int32)], tf.float64
        )
