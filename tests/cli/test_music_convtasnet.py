"""The ConvTasNet for music on the command line, from its checkpoint to the stems of a song."""

import json
from pathlib import Path

import numpy as np
import soundfile
from click.testing import CliRunner
from separating import assert_refused, run

from fqss_tf.cli.main import main

CHECKPOINT = Path(__file__).parents[1] / "fixtures/checkpoints/demucsv2_tasnet_a.th"
RATE = 44100
STEMS = ("drums", "bass", "other", "vocals")


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_a_checkpoint_becomes_stems(output, tmp_path):
    song = tmp_path / "song.wav"
    soundfile.write(song, np.random.default_rng(0).uniform(-0.4, 0.4, (9000, 2)), RATE)
    (tmp_path / "sizes.json").write_text(json.dumps({"L": 20, "sources": ["a", "b", "c", "d"]}))
    imported = call(
        "import", CHECKPOINT, "--config", tmp_path / "sizes.json", "--output", tmp_path / "run",
        "--set", "data.segment_seconds=0.1", "--json",
    )
    assert imported.exit_code == 0, imported.output
    told = json.loads(imported.stdout)
    assert (told["layout"], told["network"]) == ("demucs-tasnet", "music-convtasnet")
    assert (told["sources"], told["sample_rate"], told["assumed"]) == (4, RATE, {"hop": 10})
    converted = call("convert", tmp_path / "run", "--output", tmp_path / "model.tflite",
                     "--type", "float32", "--json")
    assert converted.exit_code == 0, converted.output
    separated = run("--model", tmp_path / "model.tflite", song, "--output", output)
    assert separated.exit_code == 0, separated.output
    assert sorted(path.name for path in output.iterdir()) == [
        "song_a.wav", "song_b.wav", "song_c.wav", "song_d.wav",
    ]
    info = soundfile.info(output / "song_c.wav")
    assert (info.frames, info.samplerate, info.channels) == (9000, RATE, 2)


def test_names_of_sources_that_do_not_fit_are_refused(tmp_path):
    for names in (["a", "b"], "abcd", [1, 2, 3, 4]):
        (tmp_path / "sizes.json").write_text(json.dumps({"sources": names}))
        result = call("import", CHECKPOINT, "--config", tmp_path / "sizes.json",
                      "--output", tmp_path / "run")
        assert result.exit_code == 2 and not (tmp_path / "run").exists()
        (line,) = result.stderr.splitlines()
        assert "it must name 4 sources" in line


def test_three_channels_and_a_gain_are_refused_in_one_line(stereo_files, tmp_path, output):
    path = tmp_path / "three.wav"
    soundfile.write(path, np.full((5000, 3), 0.1), RATE)
    assert_refused(
        run(stereo_files[0], path, "--output", output), output,
        "has 3 channels, but the model takes one or two: give --mono",
    )
    soundfile.write(path, np.full((5000, 2), 0.1), RATE)
    assert_refused(
        run(stereo_files[0], path, "--output", output, "--gain", "utterance"), output,
        "at full scale in each segment",
    )


def test_training_by_si_sdr_is_refused_in_one_line(tmp_path):
    result = call(
        "train", "music-convtasnet", "--set", "loss=si_sdr", "--output", tmp_path / "run"
    )
    assert result.exit_code == 2 and not (tmp_path / "run").exists()
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: loss si_sdr leaves the level of the estimates open")


def test_kernels_of_music_are_not_compared(stereo_files, tmp_path):
    soundfile.write(tmp_path / "song.wav", np.full((5000, 2), 0.1), RATE)
    result = call("inspect", stereo_files[1], "--compare", tmp_path / "song.wav")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "takes an int8 file of one channel" in line
