import sys

import numpy as np
import pytest
import soundfile

from fqss_tf.data.bundled import data_root
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import libraries

RATE = 8000


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


def test_a_missing_library_is_named_with_what_installs_it(monkeypatch, speech):
    monkeypatch.setitem(sys.modules, "pystoi", None)
    with pytest.raises(FqssError, match=r"stoi needs the package pystoi.*'fqss-tf\[metrics\]'"):
        libraries.stoi(speech, speech, RATE)


def test_pesq_says_at_which_rates_it_is_defined(speech):
    pytest.importorskip("pesq")
    with pytest.raises(FqssError, match="pesq is defined at 8000 and 16000 Hz, not at 11025 Hz"):
        libraries.pesq(speech, speech, 11025)
