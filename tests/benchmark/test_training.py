import pytest

from fqss_tf.benchmark import training
from fqss_tf.benchmark.training import StepTimes, measure_training, training_dict, training_table
from fqss_tf.config import load_recipe

SETTINGS = (
    "model.filters=32", "model.bottleneck=8", "model.skip=8", "model.hidden=16", "model.blocks=1",
    "model.repeats=1", "data.segment_seconds=0.25", "float.batch_size=3", "float.accumulate=2",
    "qat.batch_size=2", "quantization.calibration_steps=1",
)


def test_known_times():
    first = StepTimes("float", 2.0, (0.2, 0.1, 0.4), (0.3, 0.3, 0.5))
    second = StepTimes("quantized", 4.0, (0.8, 0.8, 0.6), (0.9, 1.2, 1.5), 2_500_000_000)
    assert training_dict(second, first) == {
        "step": "quantized",
        "audio_seconds": 4.0,
        "median_ms": 800.0,
        "min_ms": 600.0,
        "seconds_per_audio_second": pytest.approx(0.2),
        "cpu_seconds_per_audio_second": pytest.approx(0.3),
        "ratio": pytest.approx(2.0),
        "cpu_ratio": pytest.approx(2.0),
        "peak_bytes": 2_500_000_000,
    }
    cells = [cell.strip() for cell in list(training_table([first, second]))[-1].split("|")[1:-1]]
    assert cells == ["quantized", "800", "600", "0.2000", "0.3000", "2.00", "2.00", "2500"]


def test_every_kind_of_step_trains_in_turn(monkeypatch):
    order = []
    make = training._contender

    def noting(name, *arguments, **options):
        contender = make(name, *arguments, **options)

        def step():
            loss, updated = contender.step()
            assert updated
            order.append((name, loss))

        return training._Contender(name, contender.audio_seconds, step)

    monkeypatch.setattr(training, "_contender", noting)
    done = []
    times = measure_training(
        load_recipe("two-voices", SETTINGS), 1, 3, lambda *now: done.append(now)
    )
    names = ["float, float32", "quantized, teacher computes", "quantized, teacher read"]
    assert [one.name for one in times] == names
    assert [one.audio_seconds for one in times] == [1.5, 0.5, 0.5]
    turns = training.WARM_UP + 3
    assert done == [(count, 3 * turns) for count in range(1, 3 * turns + 1)]
    assert [name for name, _ in order] == names * turns
    assert all(len(one.wall_seconds) == len(one.cpu_seconds) == 3 for one in times)
    assert all(one.peak > 50e6 for one in times)
    losses = [loss for name, loss in order if name == names[0]]
    assert losses[-1] < losses[0]
