"""Spleeter's quantized stage is trained from an imported network, and converts."""

import csv

import numpy as np
import pytest
import soundfile

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert
from fqss_tf.export.integer_score import IntegerScore
from fqss_tf.runs.run import Run
from fqss_tf.training.stages import train

RATE = 44100


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Tracks of aligned stems: tones as vocals, noise as accompaniment."""
    folder = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(0)
    times = np.arange(RATE // 2) / RATE
    for part in ("train", "dev", "test"):
        for number in range(2):
            track = folder / part / f"song_{number}"
            track.mkdir(parents=True)
            tone = 0.4 * np.sin(2 * np.pi * rng.uniform(500, 2000) * times)
            for stem, samples in (
                ("vocals", tone), ("accompaniment", rng.uniform(-0.4, 0.4, times.size)),
            ):
                soundfile.write(track / f"{stem}.wav", samples, RATE, subtype="FLOAT")
    return folder


def recipe(songs, *settings):
    return load_recipe("spleeter-2stems", (
        "model.filters=2", "model.kernel=256", "model.hop=64", "model.bins=64",
        f"data.datasets=[{songs}]", "data.segment_seconds=0.1", "data.dev_mixtures=1",
        "quantization.calibration_steps=4", "qat.steps=2", "qat.evaluate_every=1",
        "qat.learning_rate=1e-3", *settings,
    ))


def log(run):
    with (run.folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(spleeter_run, songs, tmp_path_factory):
    """The run of each method."""
    return {
        method: train(
            recipe(songs), tmp_path_factory.mktemp(method) / "run", method, teacher=spleeter_run
        )
        for method in ("fqss", "qat")
    }


@pytest.mark.parametrize("method", ["fqss", "qat"])
def test_two_steps_change_the_network_and_it_converts(method, trained, tmp_path):
    run = trained[method]
    rows = log(run)
    assert [(row["stage"], row["step"]) for row in rows] == [("qat", str(n)) for n in range(3)]
    assert all(np.isfinite(float(row["dev_si_sdr"])) for row in rows)
    with np.load(run.folder / "calibrated.npz") as start, np.load(
        run.folder / "checkpoints" / "qat.npz"
    ) as last:
        moved = [
            key for key in start.files
            if np.abs(last[f"model/{key}"] - start[key]).max() > 1e-5
        ]
    assert any("conv_1" in key for key in moved) and any("up_1" in key for key in moved)
    made = convert(Run(run.folder), tmp_path / "file.tflite", least_sqnr=10)
    assert made.metadata.method == method
    assert made.metadata.input_planes == (2 if method == "fqss" else 1)


def test_repeated_batches_have_the_estimates_of_the_teacher(
    trained, spleeter_run, songs, tmp_path
):
    run = train(
        recipe(songs, "quantization.fixed_batches=2"), tmp_path / "run", teacher=spleeter_run
    )
    found, expected = (
        [float(row["loss"]) for row in log(each)[1:]] for each in (run, trained["fqss"])
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_scores_of_integers_are_refused(spleeter_run, songs, tmp_path):
    with pytest.raises(FqssError, match="--integer-eval is refused"):
        train(
            recipe(songs), tmp_path / "run", teacher=spleeter_run, integer_score=IntegerScore
        )
    assert not (tmp_path / "run").exists()
