import json

import pytest

import fqss_tf.quickstart
from fqss_tf.config import load_recipe
from fqss_tf.data.bundled import bundled_teacher
from fqss_tf.evaluation import sweep_table
from fqss_tf.quickstart import MODELS, quickstart, table
from fqss_tf.runs.run import Run


def test_the_shipped_teacher_is_the_recipes_network():
    teacher = bundled_teacher()
    assert Run(teacher).recipe.model == load_recipe("quickstart").model
    assert sum(path.stat().st_size for path in teacher.iterdir()) <= 4e6


# Four level differences of each pair of speakers.
SCORED_MIXTURES = 8


@pytest.fixture
def few_mixtures(monkeypatch):
    whole = fqss_tf.quickstart.load_mixtures

    def some(*arguments):
        mixtures, rate = whole(*arguments)
        return mixtures[:SCORED_MIXTURES], rate

    monkeypatch.setattr(fqss_tf.quickstart, "load_mixtures", some)


@pytest.mark.slow
def test_quickstart_makes_integer_models_as_good_as_float(few_mixtures, tmp_path):
    settings = (
        "qat.steps=2", "qat.evaluate_every=2", "qat.batch_size=1", "data.dev_mixtures=1",
        "quantization.calibration_steps=5",
    )
    outcome = quickstart(tmp_path / "out", settings=settings)
    rows = json.loads((tmp_path / "out" / "results.json").read_text())
    assert rows == outcome["results"]
    by_method = {row["method"]: row for row in rows}
    assert set(by_method) == {method for _, method, _, _ in MODELS}
    for row in rows:
        assert row["bytes"] == (tmp_path / "out" / row["model"]).stat().st_size
    assert by_method["fqss"]["sqnr"] >= 30
    assert abs(by_method["fqss"]["drop"]) <= 0.1
    assert by_method["float"]["si_sdri"] > 0.5
    assert by_method["fqss"]["bytes"] < by_method["float"]["bytes"] / 2
    assert (tmp_path / "out" / "report.html").stat().st_size > 1e5
    assert len(list((tmp_path / "out" / "audio").glob("*.wav"))) == 2 * 7
    assert "fqss_int8.tflite" in table(rows) and "fqss" in sweep_table(outcome["sweep"], "method")
