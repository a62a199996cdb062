import numpy as np
import pytest
import soundfile
from data_trees import make_named_sources, tones, write_audio

from fqss_tf.data.make_sources import SourceMixOptions, make_source_mixtures
from fqss_tf.data.manifest import read_manifest
from fqss_tf.errors import FqssError

OPTIONS = SourceMixOptions(mixtures=6, seconds=1.0, snr_db=(2.0, 8.0), rate=8000, seed=1)


def made(root, name, options=OPTIONS, **changes):
    folders = {each: root / "train" / each for each in ("voice", "background")}
    return make_source_mixtures(folders | changes, root / name, options)


def test_mixtures_have_the_snr_that_the_list_says_and_no_clipping(tmp_path):
    make_named_sources(tmp_path)
    rows = made(tmp_path, "test")
    assert read_manifest(tmp_path / "test" / "mixtures.csv") == rows
    assert len(rows) == 6
    for row in rows:
        sources = []
        for segment, name in zip(row.sources, ("voice", "background"), strict=True):
            waveform, rate = soundfile.read(tmp_path / "test" / segment.path)
            assert segment.path == f"mixtures/{row.mixture_id}_{name}.wav"
            assert (rate, len(waveform), row.samples) == (8000, 8000, 8000)
            sources.append(waveform)
        voice, background = sources
        snr = 20 * np.log10(voice.std() / background.std())
        assert snr == pytest.approx(row.level_difference, abs=0.05) and 2 <= snr <= 8.05
        loudest = max(np.abs(each).max() for each in (voice, background, voice + background))
        assert loudest == pytest.approx(0.9, abs=1e-3)
        assert row.kind in ("music", "background", "background+music")


def test_the_same_seed_makes_the_same_files_and_another_others(tmp_path):
    make_named_sources(tmp_path)
    first, again = made(tmp_path, "a"), made(tmp_path, "b")
    assert first == again
    for row in first:
        one, two = (
            (tmp_path / folder / row.sources[1].path).read_bytes() for folder in ("a", "b")
        )
        assert one == two
    other = made(tmp_path, "c", SourceMixOptions(mixtures=6, seconds=1.0, rate=8000, seed=2))
    assert [row.level_difference for row in other] != [row.level_difference for row in first]


def test_files_of_another_rate_are_resampled(tmp_path):
    write_audio(tmp_path / "train" / "voice" / "0.wav", tones(1, 40000, 16000), 16000)
    write_audio(tmp_path / "train" / "background" / "0.wav", tones(2, 40000, 16000), 16000)
    (row, *_) = made(tmp_path, "test")
    voice, rate = soundfile.read(tmp_path / "test" / row.sources[0].path)
    frequencies = np.fft.rfftfreq(8000, 1 / 8000)
    # The lowest of the three tones of tones(1).
    loudest = frequencies[np.abs(np.fft.rfft(voice))[:250].argmax()]
    assert rate == 8000 and loudest == pytest.approx(187, abs=2)


def test_what_cannot_be_mixed(tmp_path):
    make_named_sources(tmp_path)
    with pytest.raises(FqssError, match="nowhere: holds no .wav"):
        made(tmp_path, "a", background=tmp_path / "nowhere")
    write_audio(tmp_path / "silent" / "0.wav", np.zeros(9000))
    with pytest.raises(FqssError, match="hold little but silence"):
        made(tmp_path, "b", background=tmp_path / "silent")
    assert not list((tmp_path / "b").iterdir())
    made(tmp_path, "train")
    with pytest.raises(FqssError, match="train/mixtures.csv exists: choose another folder"):
        made(tmp_path, "train")
