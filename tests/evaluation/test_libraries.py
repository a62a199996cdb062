import sys

import numpy as np
import pytest
import soundfile

from fqss_tf.data.bundled import data_root
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import libraries

RATE = 16000


@pytest.fixture(scope="module")
def speech():
    path = sorted((data_root("bundled") / "test").rglob("*.flac"))[0]
    waveform, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    return waveform[: 4 * RATE]


def noisy(speech, snr):
    noise = np.random.default_rng(0).normal(size=len(speech))
    noise *= speech.std() / noise.std() * 10 ** (-snr / 20)
    return (speech + noise).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "needed", "least", "most"),
    [("stoi", "pystoi", 0, 1), ("pesq", "pesq", 1, 4.6), ("dnsmos", "librosa", 1, 5)],
)
def test_less_noise_is_better_speech(speech, name, needed, least, most):
    pytest.importorskip(needed)
    worse, better = (
        libraries.score(name, np.stack([heard, heard]), np.stack([speech, speech]), RATE,
                        [True, False])
        for heard in (noisy(speech, 0), noisy(speech, 20))
    )
    assert least <= worse[0] < better[0] <= most
    assert np.isnan(worse[1]) and np.isnan(better[1])


def test_sdr_is_of_each_source_in_its_place(speech):
    pytest.importorskip("fast_bss_eval")
    other = speech[::-1].copy()
    targets = np.stack([speech, other])
    found = libraries.score("sdr", np.stack([noisy(speech, 10), other]), targets, RATE,
                            [False, False])
    assert found[0] == pytest.approx(10, abs=1) and found[1] > 40
    swapped = libraries.score("sdr", targets[::-1], targets, RATE, [False, False])
    assert max(swapped) < 0


@pytest.fixture
def song():
    """Two sources of two channels, float32 [2, samples, 2]."""
    return np.random.default_rng(0).normal(0, 0.1, (2, 2 * RATE, 2)).astype(np.float32)


def off(song, *decibels):
    """What lies so many dB off each source."""
    noise = np.random.default_rng(1).normal(0, 0.1, song.shape)
    levels = 10 ** (-np.array(decibels) / 20)
    return (song + levels[:, np.newaxis, np.newaxis] * noise).astype(np.float32)


def test_sdr_mdx_is_of_all_channels_together(song):
    one_channel = song.copy()
    one_channel[0, :, 1] = 0  # half of the energy is lost
    found = libraries.score("sdr_mdx", one_channel, song, RATE, [False, False])
    assert found[0] == pytest.approx(10 * np.log10(2), abs=0.1)
    found = libraries.score("sdr_mdx", off(song, 3, 20), song, RATE, [False, False])
    assert found == pytest.approx((3, 20), abs=0.1)
    # Nothing is forgiven.
    assert libraries.score("sdr_mdx", 2 * song, song, RATE, [False] * 2) == pytest.approx((0, 0))
    silence = np.zeros_like(song)
    assert libraries.score("sdr_mdx", silence, silence, RATE, [False] * 2) == (0, 0)


def test_sdr_museval_is_the_median_of_the_seconds(song):
    pytest.importorskip("museval")
    song = np.concatenate([song, song, song], axis=1)[:, : 5 * RATE]
    estimate = off(song, 10, 20)
    estimate[0, :RATE] = -song[0, :RATE]  # one bad second of five
    song[1, RATE : 2 * RATE] = 0  # so museval leaves out this second
    for channels in (slice(None), 0):
        found = libraries.score(
            "sdr_museval", estimate[..., channels], song[..., channels], RATE, [False] * 2
        )
        assert found == pytest.approx((10, 20), abs=0.5)


def test_museval_tells_other_sources_from_artifacts(song):
    pytest.importorskip("museval")

    def scores(estimate, *kinds):
        for kind in kinds:
            yield libraries.score(f"{kind}_museval", estimate, song, RATE, [False] * 2)

    sir, sar = scores((song + 0.1 * song[::-1]).astype(np.float32), "sir", "sar")
    assert sir == pytest.approx((20, 20), abs=1) and min(sar) > 40
    sar, sir, isr = scores(off(song, 20, 20), "sar", "sir", "isr")
    assert sar == pytest.approx((20, 20), abs=1.5) and min(sir + isr) > 25


def test_sdr_museval_of_nothing_is_unknown(song):
    pytest.importorskip("museval")
    silent = song.copy()
    silent[1] = 0
    for estimate, target in ((off(song, 10, 20), silent), (silent, song)):
        found = libraries.score("sdr_museval", estimate[:, :RATE], target[:, :RATE], RATE, [])
        assert found[0] > 5 and np.isnan(found[1])
    short = song[:, : RATE - 1]
    assert np.isnan(libraries.score("sdr_museval", short, short, RATE, [])).all()


def test_other_scores_are_of_the_average_of_the_channels(speech):
    pytest.importorskip("pystoi")
    stereo = np.stack([speech, np.zeros_like(speech)], axis=1)[np.newaxis]
    noise = noisy(speech, 5)
    estimate = np.stack([noise, np.zeros_like(noise)], axis=1)[np.newaxis]
    expected = libraries.stoi(noise, speech, RATE)
    assert libraries.score("stoi", estimate, stereo, RATE, [True])[0] == pytest.approx(expected)


def test_a_missing_library_is_named_with_what_installs_it(monkeypatch, speech):
    monkeypatch.setitem(sys.modules, "pystoi", None)
    with pytest.raises(FqssError, match=r"stoi needs the package pystoi.*'fqss-tf\[metrics\]'"):
        libraries.stoi(speech, speech, RATE)


def test_pesq_says_at_which_rates_it_is_defined(speech):
    pytest.importorskip("pesq")
    with pytest.raises(FqssError, match="pesq is defined at 8000 and 16000 Hz, not at 11025 Hz"):
        libraries.pesq(speech, speech, 11025)
