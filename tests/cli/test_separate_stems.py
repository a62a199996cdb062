"""``separate`` with a choice of stems: what is written, and how well all sources add up."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from separating import assert_refused, run, tone

from fqss_tf.cli.main import main
from fqss_tf.runtime import Separator
from fqss_tf.runtime.stems import Remembered
from fqss_tf.tflite.metadata import write_metadata


@pytest.fixture(params=["int8", "float32"])
def model(request, tiny_tflite, tiny_float_tflite, float_description, tmp_path):
    """A model whose vocals are the mixture, and whose drums are half of it."""
    is_float = request.param == "float32"
    planes = 1 if is_float else 2
    description = float_description | {
        "sources": ["vocals", "drums"], "type": request.param, "input_stages": planes,
        "output_stages": planes,
    }
    content = (tiny_float_tflite if is_float else tiny_tflite).read_bytes()
    path = tmp_path / "named.tflite"
    path.write_bytes(write_metadata(content, description))
    return path


def listed(output):
    return sorted(path.name for path in output.iterdir())


def test_two_stems(model, mixture, output):
    result = run(model, mixture, "--output", output, "--two-stems", "drums")
    assert result.exit_code == 0, result.output
    assert listed(output) == ["mixture_drums.wav", "mixture_no_drums.wav"]
    drums, rest = (soundfile.read(output / name)[0] for name in listed(output))
    assert np.abs(drums - rest / 2).max() < 2 / 256
    assert result.stdout.splitlines() == [str(output / name) for name in listed(output)]
    # An offset is taken away from the sources, or it would be 6.02.
    assert "mixture.wav: the part that no source has is 5.9 dB quieter than it" in result.stderr


def test_some_stems_and_json(model, mixture, output):
    result = run(model, mixture, "--output", output, "--stems", "vocals", "--json")
    (report,) = json.loads(result.stdout)
    assert listed(output) == ["mixture_vocals.wav"] and list(report["outputs"]) == ["vocals"]
    assert report["sum_to_mixture_db"] == pytest.approx(6.02, abs=0.1)


@pytest.mark.parametrize("rate, channels, suffix", [
    (8000, 1, "wav"), (44100, 2, "flac"), (48000, 1, "ogg"), (44100, 2, "mp3"), (11025, 6, "wav"),
])
@pytest.mark.parametrize("options", [(), ("--mono",)])
def test_the_residual_makes_the_sum_the_recording(
    model, tmp_path, output, rate, channels, suffix, options
):
    path = tmp_path / f"song.{suffix}"
    noise = np.random.default_rng(0).normal(0, 0.01, (2 * rate, channels))
    soundfile.write(path, 0.3 * tone(2 * rate, channels) + noise, rate)
    result = run(model, path, "--output", output, "--residual", "--subtype", "FLOAT", *options)
    assert result.exit_code == 0, result.output
    assert listed(output) == ["song_drums.wav", "song_residual.wav", "song_vocals.wav"]
    recording = soundfile.read(path)[0]
    if options and channels > 1:
        recording = recording.mean(axis=1)
    total = sum(soundfile.read(output / name)[0] for name in listed(output))
    assert total.shape == recording.shape
    assert np.abs(total - recording).max() < 2e-6


def test_memory_does_not_grow_with_the_recording(model, tmp_path, output):
    kept = []
    original = Remembered.take

    def take(self, samples):
        kept.append(sum(map(len, self._waiting)))
        return original(self, samples)

    path = tmp_path / "long.wav"
    soundfile.write(path, tone(60 * 8000), 8000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Remembered, "take", take)
        for _ in Separator(model).chunks(path):
            pass
    assert len(kept) > 100 and max(kept) < 2**18 < 60 * 8000


@pytest.mark.parametrize("options, message", [
    (("--two-stems", "drumms"), "did you mean drums"),
    (("--stems", "drums,"), "has no source ''"),
    (("--stems", "drums", "--two-stems", "drums"), "give one"),
])
def test_mistakes_are_one_line(model, mixture, output, options, message):
    assert_refused(run(model, mixture, "--output", output, *options), output, message)


def test_sources_without_names_are_not_chosen(tiny_tflite, mixture, output):
    assert_refused(run(tiny_tflite, mixture, "--output", output, "--stems", "speech_1"), output,
                   "have no names")


@pytest.mark.parametrize("options", [("--stems", "drums"), ("--residual",)])
def test_a_stream_has_all_sources(model, options):
    words = ["separate", str(model), "--stream", "-", *options]
    result = CliRunner().invoke(main, words, input=b"")
    assert result.exit_code == 2
    assert f"--stream takes no {options[0]}, which is for files" in result.stderr


def test_results_of_two_inputs_that_would_be_one_file_are_refused(model, mixture, output):
    other = mixture.with_name("mixture_no.wav")
    other.write_bytes(mixture.read_bytes())
    result = run(model, mixture, other, "--output", output, "--two-stems", "drums")
    assert_refused(result, output, "mixture_no.wav would both become")


@pytest.mark.parametrize("samples", [1, 150, 200])
def test_a_short_recording_of_two_channels(model, tmp_path, output, samples):
    path = tmp_path / "short.wav"
    soundfile.write(path, tone(samples, 2), 8000)
    result = run(model, path, "--output", output, "--json")
    assert result.exit_code == 0, result.output
    assert soundfile.read(output / "short_vocals.wav")[0].shape == (samples, 2)
