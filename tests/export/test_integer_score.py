import csv

import pytest
from click.testing import CliRunner

from fqss_tf.cli.main import main
from fqss_tf.evaluation import evaluate
from fqss_tf.export.convert import convert
from fqss_tf.runs.run import Run

SETTINGS = (
    "model.filters=32", "model.bottleneck=8", "model.skip=8", "model.hidden=16", "model.blocks=1",
    "model.repeats=1", "data.segment_seconds=1", "float.steps=2", "float.batch_size=2",
    "quantization.calibration_steps=2", "qat.steps=2", "qat.batch_size=2", "qat.evaluate_every=1",
)


# Rectified features are int8 in the files that are kept, not in every graph that converts.
@pytest.mark.parametrize("features", ["signed", "rectified"])
def test_the_log_has_the_score_of_the_file_that_the_run_becomes(features, tmp_path):
    chosen = (*SETTINGS, f"model.features={features}")
    settings = [part for setting in chosen for part in ("--set", setting)]
    arguments = ["train", "two-voices", "--output", str(tmp_path / "run"), "--integer-eval"]
    result = CliRunner().invoke(main, [*arguments, *settings])
    assert result.exit_code == 0, result.output
    run = Run(tmp_path / "run")
    with (run.folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(bool(row["integer_si_sdr"]) == (row["stage"] == "qat") for row in rows)
    kept = next(row for row in rows
                if (row["stage"], int(row["step"])) == ("qat", run.files.kept_step("qat")))
    convert(run, tmp_path / "model.tflite", least_sqnr=0)
    mixtures = [(str(i), 0.0, *pair) for i, pair in enumerate(run.mixtures("dev"))]
    paths = [tmp_path / "model.tflite", run.folder]
    integer, simulated = (score.si_sdr for score in evaluate(paths, mixtures))
    assert float(kept["integer_si_sdr"]) == pytest.approx(integer, abs=1e-4)
    assert float(kept["integer_gap"]) == pytest.approx(integer - simulated, abs=1e-4)
