"""A network over spectrograms on the command line, from its checkpoint to the stems of a song."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from separating import assert_refused, run
from spleeter_checkpoint import tensors, write_checkpoint

from fqss_tf.cli.main import main
from fqss_tf.runtime import Separator

RATE = 44100
STEMS = ("vocals", "accompaniment")


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def model(spleeter_files):
    return spleeter_files[1]


@pytest.fixture
def song(tmp_path):
    """One second in stereo."""
    path = tmp_path / "song.wav"
    samples = np.random.default_rng(0).uniform(-0.4, 0.4, (RATE, 2))
    soundfile.write(path, samples, RATE)
    return path


def test_a_checkpoint_becomes_stems(song, output, tmp_path):
    (tmp_path / "checkpoint").mkdir()
    write_checkpoint(tmp_path / "checkpoint", tensors())
    (tmp_path / "sizes.json").write_text('{"frame_length": 256, "frame_step": 64, "F": 64}')
    imported = call(
        "import", tmp_path / "checkpoint", "--config", tmp_path / "sizes.json", "--output",
        tmp_path / "run", "--set", "data.segment_seconds=0.1", "--json",
    )
    assert imported.exit_code == 0, imported.output
    told = json.loads(imported.stdout)
    assert (told["layout"], told["network"]) == ("spleeter-unets", "spleeter")
    assert (told["sources"], told["sample_rate"]) == (2, RATE)
    converted = call(
        "convert", tmp_path / "run", "--output", tmp_path / "int8.tflite", "--ptq", "--planes", 2,
        "--calibrate", tmp_path, "--least-sqnr", 5, "--json",
    )
    assert converted.exit_code == 0, converted.output
    inspected = call("inspect", tmp_path / "int8.tflite", "--json")
    assert inspected.exit_code == 0, inspected.output
    separated = run("--model", tmp_path / "int8.tflite", song, "--output", output)
    assert separated.exit_code == 0, separated.output
    assert sorted(path.name for path in output.iterdir()) == [
        "song_accompaniment.wav", "song_vocals.wav",
    ]


def test_each_stem_is_a_stereo_file(model, song, output):
    result = run(model, song, "--output", output, "--json")
    assert result.exit_code == 0, result.output
    (report,) = json.loads(result.stdout)
    assert list(report["outputs"]) == list(STEMS)
    for stem in STEMS:
        info = soundfile.info(output / f"song_{stem}.wav")
        assert (info.frames, info.samplerate, info.channels) == (RATE, RATE, 2)
    vocals, rest = (soundfile.read(output / f"song_{stem}.wav")[0] for stem in STEMS)
    assert np.abs(vocals - rest).max() > 0.01


@pytest.mark.parametrize("rate, samples, channels", [
    (44100, 44100, 1), (48000, 48000, 2), (8000, 8000, 2), (44100, 1, 2), (96000, 100, 1),
])
def test_any_rate_and_length_of_one_or_two_channels_works(
    model, tmp_path, output, rate, samples, channels
):
    path = tmp_path / "odd.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.4, 0.4, (samples, channels)), rate)
    result = run(model, path, "--output", output)
    assert result.exit_code == 0, result.output
    for separated in output.iterdir():
        info = soundfile.info(separated)
        assert (info.frames, info.samplerate, info.channels) == (samples, rate, channels)


def test_a_silent_channel_stays_silent(model, tmp_path, output):
    sound = np.random.default_rng(0).uniform(-0.4, 0.4, (RATE, 2))
    sound[:, 1] = 0
    soundfile.write(tmp_path / "left.wav", sound, RATE)
    assert run(model, tmp_path / "left.wav", "--output", output).exit_code == 0
    for stem in STEMS:
        separated, _ = soundfile.read(output / f"left_{stem}.wav")
        assert not separated[:, 1].any() and separated[:, 0].any()


def test_three_channels_are_refused_in_one_line(model, tmp_path, output):
    path = tmp_path / "three.wav"
    soundfile.write(path, np.full((5000, 3), 0.1), RATE)
    assert_refused(
        run(model, path, "--output", output), output,
        "has 3 channels, but the model takes one or two: give --mono",
    )
    assert run(model, path, "--output", output, "--mono").exit_code == 0
    assert soundfile.info(output / "three_vocals.wav").channels == 1


def test_a_gain_is_refused_in_one_line(model, song, output):
    assert_refused(
        run(model, song, "--output", output, "--gain", "utterance"), output, "at its own level"
    )


def test_raw_samples_are_separated_segment_by_segment(model):
    samples = np.random.default_rng(0).integers(-9000, 9000, 9000).astype("<i2")
    result = CliRunner().invoke(
        main, ["separate", str(model), "--stream", "-"], input=samples.tobytes()
    )
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout_bytes) == 2 * samples.nbytes


def test_other_types_than_float32_and_int8(spleeter_run, tmp_path):
    result = call("convert", spleeter_run, "--output", tmp_path / "x.tflite", "--type", "int16x8")
    assert result.exit_code == 2 and "int16x8 is refused" in result.stderr


def test_streaming_is_refused(spleeter_run, tmp_path):
    result = call(
        "convert", spleeter_run, "--output", tmp_path / "x.tflite", "--ptq", "--stream"
    )
    assert result.exit_code == 2 and "needs a causal network" in result.stderr


def test_songs_are_scored_with_their_channels(model, tmp_path):
    rng = np.random.default_rng(0)
    stems = {stem: rng.uniform(-0.3, 0.3, (RATE // 2, 2)) for stem in STEMS}
    (tmp_path / "test" / "song").mkdir(parents=True)
    for stem, samples in stems.items():
        soundfile.write(tmp_path / "test" / "song" / f"{stem}.wav", samples, RATE, subtype="FLOAT")
    result = call("evaluate", model, "--data", tmp_path, "--metrics", "sdr_mdx", "--json")
    assert result.exit_code == 0, result.output
    (rows,) = json.loads(result.stdout)["breakdown"].values()
    found = rows[0]["sources"]["vocals"]
    mixture = sum(stems.values())
    (estimate, _) = Separator(model)(mixture.astype(np.float32), RATE).values()
    lost = np.square(estimate - stems["vocals"]).sum()
    expected = 10 * np.log10(np.square(stems["vocals"]).sum() / lost)
    assert found["sdr_mdx"] == pytest.approx(expected, abs=0.01)
    of_mixture = np.square(stems["vocals"]).sum() / np.square(stems["accompaniment"]).sum()
    assert found["sdr_mdx_improvement"] == pytest.approx(
        expected - 10 * np.log10(of_mixture), abs=0.01
    )
