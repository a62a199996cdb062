"""Models and the host's compiler for the tests of packages for microcontrollers."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fqss_tf.tflite.file import TfliteFile

SHIPPED = Path(__file__).parents[2] / "tflite_models" / "two-voices-stream.tflite"


@pytest.fixture(scope="session")
def shipped():
    """The shipped streaming model."""
    return TfliteFile.open(SHIPPED)


@pytest.fixture(scope="session")
def micro_step(tmp_path_factory):
    """The recipe voice-micro with random weights, as a streaming model."""
    return _converted(tmp_path_factory, "voice-micro")


@pytest.fixture(scope="session")
def one_voice_step(tmp_path_factory):
    """A tiny streaming model of one source, with PReLU, sigmoid masks and odd sizes."""
    sizes = {"filters": 30, "bottleneck": 7, "skip": 9, "hidden": 18, "blocks": 2, "repeats": 1}
    return _converted(
        tmp_path_factory, "two-voices-stream",
        *(f"model.{key}={size}" for key, size in sizes.items()), "model.sources=1",
        "model.activation=prelu", "model.mask_activation=sigmoid", "data.segment_seconds=1",
    )


@pytest.fixture(scope="session")
def two_latents_step(tmp_path_factory):
    """A tiny streaming model of a background and the rest, whose latent has two planes."""
    sizes = {"filters": 32, "kernel": 16, "hop": 8, "bottleneck": 7, "skip": 9, "hidden": 18,
             "blocks": 2}
    return _converted(
        tmp_path_factory, "voice-micro", *(f"model.{key}={size}" for key, size in sizes.items()),
        "model.first_is_rest=true", "quantization.latent_planes=2", "data.segment_seconds=1",
    )


def _converted(tmp_path_factory, recipe, *settings):
    from fqss_tf.config import load_recipe
    from fqss_tf.export.convert import convert
    from fqss_tf.runs.untrained import UntrainedRun

    path = tmp_path_factory.mktemp("models") / "step.tflite"
    convert(UntrainedRun(load_recipe(recipe, settings)), path, stream=True)
    return TfliteFile.open(path)


@pytest.fixture(scope="session")
def compiler():
    """The host's C compiler; ``.ci/run`` brings one, so that nothing is left out there."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    return "cc"


@pytest.fixture
def self_test(compiler):
    """Function (folder of a package) -> (what its Makefile says, whether it is content)."""

    def run(folder):
        made = subprocess.run(
            ["make", "-B", "-C", str(folder)], capture_output=True, text=True, check=False
        )
        assert "wrong samples" in made.stdout, made.stderr
        return made.stdout, made.returncode == 0

    return run
