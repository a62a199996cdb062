from pathlib import Path

import numpy as np
import pytest

from fqss_tf.metrics import mean_si_sdr, pit_si_sdr, si_sdr

FIXTURES = np.load(Path(__file__).parents[1] / "fixtures" / "metrics.npz")


@pytest.mark.parametrize("case", ["asteroid/s2", "asteroid/s3"])
def test_pairwise_scores_equal_asteroid(case):
    estimates, targets = FIXTURES[f"{case}/est"], FIXTURES[f"{case}/targets"]
    pairwise = si_sdr(estimates[:, :, np.newaxis], targets[:, np.newaxis])
    np.testing.assert_allclose(-pairwise, FIXTURES[f"{case}/pairwise_neg_sisdr"], rtol=1e-5)


@pytest.mark.parametrize("case", ["asteroid/s2", "asteroid/s3"])
def test_permutation_invariant_scores_equal_asteroid(case):
    for item, expected in enumerate(FIXTURES[f"{case}/pit_min_loss_per_item"]):
        estimates, targets = FIXTURES[f"{case}/est"][item], FIXTURES[f"{case}/targets"][item]
        scores, permutation = pit_si_sdr(estimates, targets)
        assert -scores.mean() == pytest.approx(expected, rel=1e-5)
        assert mean_si_sdr(estimates, targets) == scores.mean()
        assert permutation == tuple(FIXTURES[f"{case}/pit_batch_indices"][item])


def test_scores_of_known_noise():
    rng = np.random.default_rng(0)
    target, noise = np.linalg.qr(rng.standard_normal([1000, 2]))[0].T
    target, noise = target - target.mean(), noise - noise.mean()
    noise -= target * (noise @ target) / (target @ target)
    noise *= np.linalg.norm(target) / np.linalg.norm(noise)
    for decibel in (0, 10, 30):
        estimate = 0.3 * (target + noise * 10 ** (-decibel / 20)) + 5.0
        assert si_sdr(estimate, target) == pytest.approx(decibel, abs=1e-3)


def test_the_permutation_maps_targets_to_estimates():
    targets = np.random.default_rng(0).standard_normal([3, 500])
    order = [2, 0, 1]
    scores, permutation = pit_si_sdr(targets[order], targets)
    np.testing.assert_array_equal(targets[order][list(permutation)], targets)
    assert (scores > 60).all()


def test_silence_scores_are_finite():
    signal = np.random.default_rng(0).standard_normal(100)
    assert si_sdr(np.zeros(100), signal) < -70
    assert si_sdr(signal, np.zeros(100)) < -70
