"""Training from trees of other kinds than folders of speakers, and from broken ones."""

import json

from click.testing import CliRunner
from data_trees import make_librimix, make_speakers, tones, write_audio

from fqss_tf.cli.main import main
from fqss_tf.data.manifest import mixture_of_two, write_manifest

TINY = (
    "model.filters=32", "model.bottleneck=8", "model.skip=8", "model.hidden=16", "model.blocks=1",
    "model.repeats=1", "data.segment_seconds=0.5", "float.steps=3", "float.batch_size=2",
    "float.evaluate_every=3", "qat.steps=0",
)


def run(root, output, *settings):
    arguments = ["train", "two-voices", "--output", str(output), "--json"]
    for setting in (*TINY, f"data.datasets=[{root}]", *settings):
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
    result = run(root, tmp_path / "goes_on", "data.dynamic_fraction=0", "data.on_bad_file=skip")
    assert result.exit_code == 0, (result.output, result.exception)
    assert f"{damaged.name}: is cut short" in result.stderr
    assert result.stderr.splitlines()[-1] == "broken files and rows that were left out: 1"
    (line,) = json.loads(result.stdout)["skipped"]
    assert damaged.name in line
    assert (tmp_path / "goes_on" / "float.npz").exists()


def test_all_that_is_wrong_is_named_once_and_counted(tmp_path):
    root = make_speakers(tmp_path / "set", {"train": tuple("abcd"), "dev": ("e", "f")})
    damaged = [root / "train/a/a-0.flac", root / "train/a/a-1.flac", root / "dev/e/e-1.flac"]
    for path in damaged:  # the header is good
        content = path.read_bytes()
        path.write_bytes(content[:5000] + bytes(3000) + content[8000:])
    (root / "train/b/b-0.flac").write_bytes(b"")
    write_audio(root / "dev/f/fast.flac", tones(1, 20000, 16000), 16000)
    write_manifest(root / "dev/mixtures.csv", [
        mixture_of_two(name, 0.0, first, 0, 0.5, second, 0, 0.5, 8000) for name, first, second in (
            ("good", "e/e-0.flac", "f/f-0.flac"), ("missing", "e/e-9.flac", "f/f-0.flac"),
            ("rates", "e/e-0.flac", "f/fast.flac"), ("damaged", "e/e-1.flac", "f/f-0.flac"),
        )
    ])
    result = run(root, tmp_path / "run", "data.on_bad_file=skip", "float.steps=6", "qat.steps=1",
                 "qat.batch_size=2", "quantization.calibration_steps=1")
    assert result.exit_code == 0, (result.output, result.exception)
    lines = result.stderr.splitlines()
    assert lines[-1] == "broken files and rows that were left out: 6"
    for name in ("a-0.flac: is damaged", "a-1.flac: is damaged", "e-1.flac: is damaged",
                 "b-0.flac: is empty", "e-9.flac: is missing", "fast.flac: has 16000 Hz"):
        assert sum(line.startswith("skipped: ") and name in line for line in lines) == 1, name
