"""Training from trees of other kinds than folders of speakers, and from broken ones."""

from click.testing import CliRunner
from data_trees import make_librimix

from fqss_tf.cli.main import main

TINY = (
    "model.filters=32", "model.bottleneck=8", "model.skip=8", "model.hidden=16", "model.blocks=1",
    "model.repeats=1", "data.segment_seconds=0.5", "float.steps=3", "float.batch_size=2",
    "float.evaluate_every=3", "qat.steps=0",
)


def run(root, output, *settings):
    arguments = ["train", "quickstart", "--output", str(output)]
    for setting in (*TINY, f"data.roots=[{root}]", *settings):
        arguments += ["--set", setting]
    return CliRunner().invoke(main, arguments)


def test_a_damaged_source_stops_training_or_is_counted(tmp_path):
    root = make_librimix(tmp_path / "set", ("train-100", "dev"), mixtures=4)
    damaged = sorted((root / "wav8k/min/train-100/s1").iterdir())[0]
    content = damaged.read_bytes()
    # The header still promises all of the samples; libsndfile believes the size of the file.
    damaged.write_bytes(content[:6000])
    result = run(root, tmp_path / "stops", "data.dynamic_fraction=0")
    assert result.exit_code == 2
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: ") and damaged.name in last and "line 2" in last
    result = run(root, tmp_path / "goes_on", "data.dynamic_fraction=0", "data.broken=skip")
    assert result.exit_code == 0, (result.output, result.exception)
    assert f"{damaged.name}: has 2978 samples but the row says 9000" in result.stderr
    assert (tmp_path / "goes_on" / "float.npz").exists()
