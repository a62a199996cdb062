import dataclasses

import numpy as np
import pytest

from fqss_tf.benchmark.subjects import (
    TfliteSubject,
    random_input,
    run_subject,
    tflite_subject,
)
from fqss_tf.config import load_recipe, save_recipe
from fqss_tf.errors import FqssError
from fqss_tf.runtime import StreamingSeparator
from fqss_tf.tflite import TfliteFile


def test_a_file_of_this_project_says_how_long_its_segment_is(tiny_tflite):
    subject = tflite_subject(tiny_tflite, scored=True)
    assert subject.name == str(tiny_tflite)
    assert subject.seconds == 800 / 8000
    assert subject.file_bytes == tiny_tflite.stat().st_size
    assert subject.macs == TfliteFile.open(tiny_tflite).report.macs > 0
    assert subject.scored == tiny_tflite
    assert tflite_subject(tiny_tflite).scored is None


def test_another_file_is_timed_but_not_scored(foreign_tflite):
    subject = tflite_subject(foreign_tflite, scored=True)
    assert subject.seconds is None and subject.scored is None
    assert tflite_subject(foreign_tflite, seconds=0.5).seconds == 0.5


@pytest.mark.parametrize("model", ["tiny_tflite", "tiny_int16_tflite", "mixed_tflite"])
def test_every_kind_of_input_is_filled_anew(model, request, monkeypatch):
    from ai_edge_litert.interpreter import Interpreter

    seen = []
    original = Interpreter.set_tensor

    def record(interpreter, index, values):
        seen.append((values.dtype, np.unique(values).size))
        original(interpreter, index, values)

    monkeypatch.setattr(Interpreter, "set_tensor", record)
    invoke = tflite_subject(request.getfixturevalue(model)).load(threads=1)
    assert seen == []
    invoke()
    invoke()
    assert len(seen) == 2 and seen[0] == seen[1]
    assert seen[0][1] > 16


def test_threads_reach_the_interpreter(tiny_tflite, monkeypatch):
    from ai_edge_litert import interpreter

    given = []
    original = interpreter.Interpreter

    def record(**options):
        given.append(options["num_threads"])
        return original(**options)

    monkeypatch.setattr(interpreter, "Interpreter", record)
    tflite_subject(tiny_tflite).load(threads=3)
    assert given == [3]


def test_random_input_covers_its_type():
    codes = random_input([2, 3000], np.int8)
    assert codes.dtype == np.int8 and codes.shape == (2, 3000)
    assert (codes.min(), codes.max()) == (-128, 127)
    wave = random_input([1000], np.float32)
    assert wave.dtype == np.float32
    assert -1 <= wave.min() < -0.9 and 0.9 < wave.max() <= 1
    np.testing.assert_array_equal(wave, random_input([1000], np.float32))


def test_a_missing_and_a_damaged_file_are_named(tmp_path, tiny_tflite):
    with pytest.raises(FqssError, match="none.tflite is missing: give a .tflite file"):
        tflite_subject(tmp_path / "none.tflite")
    half = tmp_path / "half.tflite"
    half.write_bytes(tiny_tflite.read_bytes()[:1000])
    with pytest.raises(FqssError, match="half.tflite is damaged or cut short"):
        tflite_subject(half)


def test_a_subject_says_all_or_is_no_subject():
    with pytest.raises(TypeError, match="path"):
        TfliteSubject(name="a", runtime="LiteRT", seconds=1.0)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run whose float network has seeded random weights."""
    from fqss_tf.runs.folder import FLOAT_WEIGHTS
    from fqss_tf.runs.untrained import UntrainedRun
    from fqss_tf.runs.weights import save_weights

    recipe = load_recipe("two-voices", [
        "model.filters=32", "model.bottleneck=8", "model.skip=8", "model.hidden=16",
        "model.blocks=1", "model.repeats=1", "data.segment_seconds=0.5",
    ])
    folder = tmp_path_factory.mktemp("run")
    save_recipe(recipe, folder / "recipe.yaml")
    (folder / "run.json").write_text('{"method": "fqss"}')
    save_weights(UntrainedRun(recipe).float_model(), folder / FLOAT_WEIGHTS)
    return folder


def test_a_run_is_timed_in_keras_on_its_training_segment(run_folder, monkeypatch):
    import tensorflow as tf

    # TensorFlow has computed before in this process, so its threads are fixed.
    for name in ("intra", "inter"):
        monkeypatch.setattr(
            tf.config.threading, f"set_{name}_op_parallelism_threads", lambda threads: None
        )
    subject = run_subject(run_folder)
    assert subject.seconds == 0.5 and subject.scored == run_folder
    assert subject.macs is None and subject.file_bytes is None
    estimates = subject.load(threads=1)()
    assert estimates.shape == (2, 4000)
    shorter = dataclasses.replace(subject, samples=800)
    assert shorter.load(threads=1)().shape == (2, 800)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(FqssError, match="is not a run folder"):
        run_subject(tmp_path)


def test_a_step_model_is_timed_as_a_stream(step_tflite):
    subject = tflite_subject(step_tflite)
    assert (subject.seconds, subject.latency) == (0.016, 0.018)
    assert subject.state_bytes == StreamingSeparator(step_tflite).state_bytes > 0
    parts = subject.load(1)()
    assert [len(part) for part in parts.values()] == [128 - 16] * 2
