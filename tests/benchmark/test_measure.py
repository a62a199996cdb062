import pytest
from idle_subject import IdleSubject

from fqss_tf.benchmark import measure as module
from fqss_tf.benchmark.measure import Measurement, measure
from fqss_tf.benchmark.subjects import tflite_subject
from fqss_tf.errors import FqssError

SUBJECT = IdleSubject(name="model", runtime="LiteRT", seconds=0.5, macs=4_000_000)


def test_numbers_of_known_latencies():
    one = Measurement(SUBJECT, 1, (3.0, 1.0, 2.0, 10.0, 2.0), 1000)
    assert (one.least, one.median) == (1.0, 2.0)
    assert one.p95 == pytest.approx(3.0 + 0.8 * (10.0 - 3.0))
    assert one.p99 == pytest.approx(3.0 + 0.96 * (10.0 - 3.0))
    assert one.real_time_factor == pytest.approx(0.002 / 0.5)
    assert one.gmacs_per_second == pytest.approx(0.004 / 0.002)
    assert one.gmacs_per_audio_second == pytest.approx(0.004 / 0.5)


def test_what_is_not_known_is_none():
    one = Measurement(IdleSubject(name="model", runtime="PyTorch", seconds=None), 1, (1.0,), None)
    assert one.real_time_factor is None
    assert one.gmacs_per_second is None
    assert one.gmacs_per_audio_second is None


def test_every_model_is_run_as_often_and_in_its_order(tiny_tflite, foreign_tflite):
    subjects = [tflite_subject(path) for path in (tiny_tflite, foreign_tflite, tiny_tflite)]
    done = []
    found = measure(subjects, threads=2, runs=4, progress=lambda *now: done.append(now))
    assert [one.subject for one in found] == subjects
    assert [len(one.milliseconds) for one in found] == [4, 4, 4]
    assert all(latency > 0 for one in found for latency in one.milliseconds)
    assert {one.threads for one in found} == {2}
    assert done == [(count, 12) for count in range(1, 13)]


def test_memory_is_that_of_the_model(tiny_tflite):
    (one,) = measure([tflite_subject(tiny_tflite)], threads=1, runs=1)
    assert tiny_tflite.stat().st_size < one.memory_bytes < 50e6


class FakeApart:
    """Notes who is asked to run, and answers with that number as latency."""

    log = []

    def __init__(self, name, function, subject, threads):
        self._answers = [f"memory of {name}"]
        self._name = name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.log.append(f"{self._name} ends")

    def send(self, message):
        self.log.append(self._name)
        self._answers.append(float(len(self.log)))

    def receive(self):
        return self._answers.pop(0)


def test_models_are_taken_in_turn(monkeypatch):
    monkeypatch.setattr(module, "Apart", FakeApart)
    monkeypatch.setattr(FakeApart, "log", [])
    subjects = [IdleSubject(name=name, runtime="LiteRT", seconds=1.0) for name in "AB"]
    first, second = measure(subjects, threads=1, runs=3)
    assert FakeApart.log == ["A", "B", "A", "B", "A", "B", "B ends", "A ends"]
    assert first.milliseconds == (1.0, 3.0, 5.0)
    assert second.milliseconds == (2.0, 4.0, 6.0)
    assert second.memory_bytes == "memory of B"


def test_a_model_that_cannot_be_run_is_named(tiny_tflite, unknown_op_tflite):
    subjects = [tflite_subject(tiny_tflite), tflite_subject(unknown_op_tflite, name="odd")]
    with pytest.raises(FqssError, match="^odd cannot be run: .*NoSuchOp"):
        measure(subjects, threads=1, runs=1)
