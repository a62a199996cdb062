"""Networks of music train, in float and in 8 bits, and convert."""

import csv

import numpy as np
import pytest
import soundfile

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert
from fqss_tf.runs.run import Run
from fqss_tf.training.stages import train

RATE = 8000
STEMS = ("vocals", "accompaniment")
# What brings each network to a size that a test can train.
RECIPES = {
    "music-convtasnet-mobile": (
        "model.filters=16", "model.bottleneck=8", "model.hidden=8", "model.blocks=2",
        "model.repeats=1",
    ),
    "htdemucs-mobile": (
        "model.filters=8", "model.kernel=256", "model.hop=64", "model.depth=2", "model.width=8",
        "model.layers=2", "model.heads=2", "model.feed_forward=8",
    ),
    "spleeter-2stems": (
        "model.filters=2", "model.kernel=256", "model.hop=64", "model.bins=64", "loss=l1",
    ),
}


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Tracks of aligned stems: tones as vocals, noise as accompaniment."""
    folder = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(0)
    times = np.arange(2 * RATE) / RATE
    for part in ("train", "dev", "test"):
        track = folder / part / "song"
        track.mkdir(parents=True)
        sounds = 0.4 * np.sin(2 * np.pi * 700 * times), rng.uniform(-0.4, 0.4, times.size)
        for stem, samples in zip(STEMS, sounds, strict=True):
            soundfile.write(track / f"{stem}.wav", samples, RATE, subtype="FLOAT")
    return folder


def recipe(name, songs, *settings):
    return load_recipe(name, (
        *RECIPES[name], "model.sources=2", f"data.sources=[{','.join(STEMS)}]",
        f"data.datasets=[{songs}]", f"data.sample_rate={RATE}", "data.segment_seconds=0.52",
        "data.dev_mixtures=1", "float.steps=2", "float.batch_size=1", "float.evaluate_every=1",
        "quantization.calibration_steps=2", "qat.steps=2", "qat.evaluate_every=1", *settings,
    ))


@pytest.mark.parametrize("name", RECIPES)
def test_both_stages_change_the_network_and_it_converts(name, songs, tmp_path):
    run = train(recipe(name, songs), tmp_path / "run")
    with (run.folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows if row["step"] == "2"] == ["float", "qat"]
    assert all(np.isfinite(float(row["dev_si_sdr"])) for row in rows)
    with np.load(run.folder / "calibrated.npz") as start, np.load(
        run.folder / "checkpoints" / "qat.npz"
    ) as last:
        kernels = [key for key in start.files if key.endswith("/kernel")]
        moved = [key for key in kernels if np.any(last[f"model/{key}"] != start[key])]
    assert len(moved) > 0.6 * len(kernels)  # masks of 0 and 1 hide the rest of random ones
    made = convert(Run(run.folder), tmp_path / "file.tflite", least_sqnr=0)
    assert (made.metadata.method, made.metadata.input_planes) == ("fqss", 2)


def test_a_loss_that_leaves_the_level_open_is_refused(songs, tmp_path):
    with pytest.raises(FqssError, match="si_sdr leaves the level .* set loss: l1"):
        train(recipe("htdemucs-mobile", songs, "loss=si_sdr"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
