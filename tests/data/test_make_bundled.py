"""The fixed mixtures that ship with the package."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import fqss_tf
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.make_bundled import INPUT_SNR_DB, draw_sweep, make_bundled_manifests
from fqss_tf.data.make_manifest import active_rms
from fqss_tf.data.manifest import manifest_mixtures, read_manifest

BUNDLE = Path(fqss_tf.__file__).parent / "bundled" / "audio"
OF_BOTH = ("dev/mixtures.csv", "test/mixtures.csv")
OF_VOICES = ("dev/voice/mixtures.csv", "test/voice/mixtures.csv")


def loaded(name):
    """(row, mixture, sources) of each mixture of a list."""
    entries = manifest_mixtures(BUNDLE / name, BadFilePolicy())
    for row, entry in zip(read_manifest(BUNDLE / name), entries, strict=True):
        assert entry.rate == 16000
        yield row, *entry.load()


def rms(waveform):
    return np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))


def test_the_lists_are_reproduced(tmp_path):
    root = tmp_path / "audio"
    shutil.copytree(BUNDLE, root, ignore=shutil.ignore_patterns("*.csv", "train"))
    make_bundled_manifests(root)
    for name in (*OF_BOTH, *OF_VOICES):
        assert (root / name).read_bytes() == (BUNDLE / name).read_bytes(), name


@pytest.mark.parametrize("name", OF_BOTH)
def test_a_voice_is_so_much_above_its_background(name):
    for row, mixture, sources in loaded(name):
        assert sources.shape == (2, 80000) and np.abs(mixture).max() == pytest.approx(0.9, abs=1e-4)
        np.testing.assert_array_equal(mixture, sources.sum(axis=0))
        snr = 20 * np.log10(rms(sources[0]) / rms(sources[1]))
        assert snr == pytest.approx(row.level_difference, abs=1e-2)
        voice, background = row.sources
        assert voice.path.startswith("voice/") and background.path.startswith("background/")


@pytest.mark.parametrize("name", OF_VOICES)
def test_two_voices_have_their_level_difference(name):
    for row, mixture, sources in loaded(name):
        assert sources.shape == (2, 64000) and np.abs(mixture).max() == pytest.approx(0.9, abs=1e-5)
        difference = 20 * np.log10(active_rms(sources[0], 16000) / active_rms(sources[1], 16000))
        assert difference == pytest.approx(row.level_difference, abs=1e-2)
        first, second = (Path(source.path).parent for source in row.sources)
        assert first != second


def test_the_test_list_has_every_pair_at_every_snr():
    rows = read_manifest(BUNDLE / "test/mixtures.csv")
    assert INPUT_SNR_DB == (-5, 0, 5, 10, 15, 20, 25, 30)
    assert len({row.mixture_id for row in rows}) == len(rows) == 96
    for first in range(0, len(rows), len(INPUT_SNR_DB)):
        group = rows[first : first + len(INPUT_SNR_DB)]
        assert [row.level_difference for row in group] == list(INPUT_SNR_DB)
        assert len({tuple((s.path, s.start) for s in row.sources) for row in group}) == 1


def test_the_dev_list_has_every_snr_equally_often():
    snrs = Counter(row.level_difference for row in read_manifest(BUNDLE / "dev/mixtures.csv"))
    assert snrs == dict.fromkeys(INPUT_SNR_DB, 3)


def test_voices_kinds_and_clips_take_turns():
    rows = draw_sweep(BUNDLE, "test", 12, seed=7)[:: len(INPUT_SNR_DB)]
    voices, backgrounds = zip(*(row.sources for row in rows), strict=True)
    assert len({voice.path for voice in voices}) == 12
    kinds = [Path(background.path).parent.name for background in backgrounds]
    assert Counter(kinds) == {"music": 6, "noise": 6} and kinds[0] != kinds[1]
    assert len({background.path for background in backgrounds}) >= 11


def test_another_seed_draws_other_mixtures():
    first, again, other = (draw_sweep(BUNDLE, "dev", 2, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
