import subprocess
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from fqss_tf.config import DataRecipe, Recipe
from fqss_tf.data.manifest import mixture_of_two, write_manifest
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import UtteranceScore, evaluate, libraries, load_mixtures
from fqss_tf.metrics import si_sdr
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.runs.folder import RunFolder

RECIPE = Recipe(data=DataRecipe(segment_seconds=0.0505), model=ConvTasNetConfig(hop=8))


def two_voices(mixture_id="a", level_difference=6.0, samples=2500, seed=0):
    noise = np.random.default_rng(seed)
    sources = 0.1 * noise.standard_normal((2, samples)).astype(np.float32)
    sources[1] *= 10 ** (-level_difference / 20)
    return mixture_id, level_difference, sources.sum(axis=0), sources


@pytest.fixture
def fake_run(monkeypatch, tmp_path):
    """Function (recipe, network) -> run folder; the network is any function of a tensor."""
    networks = {}
    module = types.SimpleNamespace(
        Run=lambda folder: types.SimpleNamespace(model=lambda: networks[folder])
    )
    monkeypatch.setitem(sys.modules, "fqss_tf.runs.run", module)

    def make(recipe=RECIPE, network=None):
        folder = RunFolder.create(tmp_path / f"run_{len(networks)}", recipe, "fqss").path
        networks[folder] = network or Network()
        return folder

    return make


class Network:
    """Gives the mixture and its reverse; remembers the shapes it was traced for."""

    def __init__(self):
        self.traces = []

    def __call__(self, mixture, training):
        import tensorflow as tf

        assert training is False
        self.traces.append(tuple(mixture.shape))
        return tf.concat([mixture, mixture[:, :, ::-1]], axis=1)


class Oracle:
    """Gives the true sources in swapped order, for a mixture of one segment."""

    def __init__(self, sources):
        self.sources = sources

    def __call__(self, mixture, training):
        import tensorflow as tf

        padded = np.pad(self.sources[::-1], ((0, 0), (0, mixture.shape[2] - self.sources.shape[1])))
        return tf.constant(padded[np.newaxis, :, :, np.newaxis].astype(np.float32))


def test_tflite_scores_are_those_of_the_metric(tiny_float_tflite):
    # The toy gives the mixture and half of it: as estimates these are the mixture itself.
    mixtures = [two_voices("a", 6.0), two_voices("b", -9.0, samples=801, seed=1)]
    (score,) = evaluate([tiny_float_tflite], mixtures)
    assert score.name == str(tiny_float_tflite)
    assert [row.mixture_id for row in score.rows] == ["a", "b"]
    for row, (_, level_difference, mixture, sources) in zip(score.rows, mixtures, strict=True):
        expected = [float(si_sdr(mixture, source)) for source in sources]
        assert row.source_si_sdr == pytest.approx(expected, abs=1e-3)
        assert row.si_sdr == pytest.approx(np.mean(expected), abs=1e-3)
        assert row.si_sdri == pytest.approx(0, abs=1e-3)
        assert row.stronger_si_sdr > row.weaker_si_sdr
        assert row.stronger_si_sdr == row.source_si_sdr[0 if level_difference > 0 else 1]
    assert score.si_sdr == pytest.approx(np.mean([row.si_sdr for row in score.rows]))
    assert score.si_sdri == pytest.approx(np.mean([row.si_sdri for row in score.rows]))
    assert score.audio_seconds == pytest.approx((2500 + 801) / 8000)
    assert score.real_time_factor == pytest.approx(score.seconds / score.audio_seconds)
    assert score.seconds > 0


def test_improvement_is_over_the_mixture_and_the_order_of_estimates_is_free(fake_run):
    mixture = two_voices("a", 6.0, samples=400)
    (score,) = evaluate([fake_run(network=Oracle(mixture[3]))], [mixture])
    assert min(score.rows[0].source_si_sdr) > 60
    baseline = np.mean([si_sdr(mixture[2], source) for source in mixture[3]])
    assert score.rows[0].mixture_si_sdr == pytest.approx(baseline)
    assert score.si_sdri == pytest.approx(score.si_sdr - baseline)


def test_sources_with_names_keep_their_places(fake_run, monkeypatch):
    """The oracle gives the sources in swapped order, which is wrong where they have names."""
    mixture = two_voices("a", 6.0, samples=400)
    recipe = replace(RECIPE, data=replace(RECIPE.data, sources=("voice", "background")))
    monkeypatch.setitem(
        libraries.OF_SOURCES, "toy", lambda *signals_and_rate: si_sdr(*signals_and_rate[:2])
    )
    (score,) = evaluate([fake_run(recipe, Oracle(mixture[3]))], [mixture], others=["toy"])
    assert score.sources == ("voice", "background")
    (row,) = score.rows
    assert max(row.source_si_sdr) < 0
    expected = [si_sdr(mixture[2], source) for source in mixture[3]]
    assert row.mixture_source_si_sdr == pytest.approx(expected)
    assert row.others["toy"] == pytest.approx(row.source_si_sdr)
    assert row.mixture_others["toy"] == pytest.approx(expected)


def test_the_int8_file_scores_close_to_the_float_file(tiny_tflite, tiny_float_tflite):
    reference, score = evaluate([tiny_float_tflite, tiny_tflite], [two_voices()])
    assert score.si_sdr != reference.si_sdr
    assert score.si_sdr == pytest.approx(reference.si_sdr, abs=0.5)


@pytest.mark.parametrize(
    "level_difference, stronger, weaker", [(0.0, 8, 2), (3.0, 8, 2), (-3.0, 2, 8)]
)
def test_the_level_difference_says_which_voice_is_stronger(level_difference, stronger, weaker):
    row = UtteranceScore("a", level_difference, (8.0, 2.0), (0.0, 0.0))
    assert (row.stronger_si_sdr, row.weaker_si_sdr) == (stronger, weaker)


def test_a_run_sees_its_own_segment_rounded_down_to_the_hop(fake_run):
    network = Network()
    evaluate([fake_run(network=network)], [two_voices(samples=1000)])
    assert network.traces == [(1, 1, 400, 1)]  # 0.0505 s at 8 kHz are 404 samples; traced once


def test_a_run_beside_a_tflite_sees_the_segment_of_the_tflite(fake_run, tiny_float_tflite):
    network = Network()
    evaluate([fake_run(network=network), tiny_float_tflite], [two_voices()])
    assert network.traces == [(1, 1, 800, 1)]


def test_networks_see_a_peak_of_one(fake_run):
    peaks = []

    class Listener(Network):
        def __call__(self, mixture, training):
            import tensorflow as tf

            tf.py_function(lambda x: peaks.append(float(abs(x.numpy()).max())), [mixture], [])
            return super().__call__(mixture, training)

    quiet = two_voices(samples=400)
    quiet = (*quiet[:2], quiet[2] * 1e-3, quiet[3] * 1e-3)
    evaluate([fake_run(network=Listener())], [quiet])
    assert peaks == [0.0, pytest.approx(1.0)]


def test_a_silent_mixture_is_scored(tiny_tflite):
    silence = ("silence", 0.0, np.zeros(900, np.float32), np.zeros((2, 900), np.float32))
    (score,) = evaluate([tiny_tflite], [silence])
    assert np.isfinite(score.si_sdr)


def test_progress_counts_every_mixture_of_every_model(tiny_tflite, tiny_float_tflite):
    calls = []
    models = [tiny_tflite, tiny_float_tflite]
    evaluate(models, [two_voices("a"), two_voices("b")], 1, lambda *call: calls.append(call))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_another_rate_than_the_model_is_refused(tiny_tflite):
    with pytest.raises(FqssError, match="works at 8000 Hz but the mixtures have 16000 Hz"):
        evaluate([tiny_tflite], [two_voices()], rate=16000)


def test_models_of_different_rates_are_refused(tiny_tflite, fake_run):
    run = fake_run(replace(RECIPE, data=DataRecipe(sample_rate=16000)))
    with pytest.raises(FqssError, match="run_0 works at 16000 Hz but .*tiny.tflite at 8000 Hz"):
        evaluate([tiny_tflite, run], [two_voices()])


def test_another_number_of_sources_is_refused(tiny_tflite):
    mixture_id, level_difference, mixture, sources = two_voices()
    three = (mixture_id, level_difference, mixture, np.concatenate([sources, sources[:1]]))
    with pytest.raises(FqssError, match="gives 2 sources but mixture a has 3"):
        evaluate([tiny_tflite], [three])


def test_runs_of_different_segments_are_refused(fake_run):
    longer = replace(RECIPE, data=DataRecipe(segment_seconds=0.2))
    with pytest.raises(FqssError, match="run_1 works on segments of 1600 samples but .*run_0"):
        evaluate([fake_run(), fake_run(longer)], [two_voices()])


def test_a_run_whose_hop_does_not_fit_the_tflite_is_refused(fake_run, tiny_tflite):
    run = fake_run(replace(RECIPE, model=ConvTasNetConfig(kernel=14, hop=7)))
    with pytest.raises(FqssError, match="run_0 needs segments of a multiple of 7 samples"):
        evaluate([tiny_tflite, run], [two_voices()])


def test_nan_is_refused_and_names_the_model_and_the_mixture(fake_run):
    run = fake_run(network=Oracle(np.full((2, 400), np.nan)))
    with pytest.raises(FqssError, match="run_0 gives NaN or infinite samples for a"):
        evaluate([run], [two_voices(samples=400)])


def test_nan_in_a_mixture_is_not_blamed_on_the_model(fake_run):
    mixture_id, difference, mixture, sources = two_voices()
    mixture[7] = np.nan
    with pytest.raises(FqssError, match="mixture a has NaN or infinite samples"):
        evaluate([fake_run()], [(mixture_id, difference, mixture, sources)])


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(FqssError, match="no model .*absent"):
        evaluate([tmp_path / "absent"], [two_voices()])


@pytest.mark.parametrize("models, mixtures", [([], [two_voices()]), (["model"], [])])
def test_nothing_to_score_is_refused(models, mixtures):
    with pytest.raises(FqssError, match="nothing to evaluate"):
        evaluate(models, mixtures)


def test_tflite_files_are_scored_without_tensorflow(tiny_tflite):
    program = (
        "import sys, numpy as np; from fqss_tf.evaluation import evaluate; "
        "evaluate([sys.argv[1]], [('a', 0.0, np.ones(9, np.float32), np.ones((2, 9)))]); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(tiny_tflite)], check=True)


def write_set(folder, rates=(8000, 8000), name="mixtures.csv", samples=500):
    """Two mixtures, one per rate, of two clips each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, rate in enumerate(rates):
        noise = np.random.default_rng(index).uniform(-0.5, 0.5, (2, 1000))
        for clip, wave in enumerate(noise):
            soundfile.write(folder / f"{index}_{clip}.wav", wave, rate)
        paths = [f"{index}_{clip}.wav" for clip in range(2)]
        rows.append(
            mixture_of_two(f"m{index}", 0.0, paths[0], 100, 0.5, paths[1], 0, 0.25, samples)
        )
    write_manifest(folder / name, rows)


@pytest.mark.parametrize("inside", [".", "test"])
def test_a_data_set_or_the_folder_of_the_manifest_will_do(tmp_path, inside):
    write_set(tmp_path / inside, name="sweep.csv")
    mixtures, rate = load_mixtures(tmp_path, "sweep.csv")
    assert rate == 8000
    assert [mixture_id for mixture_id, *_ in mixtures] == ["m0", "m1"]
    _, _, mixture, sources = mixtures[0]
    first, _ = soundfile.read(tmp_path / inside / "0_0.wav")
    np.testing.assert_allclose(sources[0], 0.5 * first[100:600], atol=1e-6)
    np.testing.assert_allclose(mixture, sources.sum(axis=0), atol=1e-6)


def test_mixtures_are_read_when_they_are_used(tmp_path):
    write_set(tmp_path, rates=(8000, 8000, 8000))
    mixtures, _ = load_mixtures(tmp_path)
    assert [row[0] for row in mixtures[1:]] == ["m1", "m2"]
    soundfile.write(tmp_path / "1_0.wav", np.ones(1000) / 2, 8000)
    np.testing.assert_array_equal(mixtures[1:][0][3][0], 0.25)
    (tmp_path / "1_0.wav").unlink()
    with pytest.raises(FqssError, match="1_0.wav"):
        mixtures[1]


def test_the_audio_in_the_package():
    mixtures, rate = load_mixtures("bundled")
    assert (len(mixtures), rate) == (96, 16000)


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(FqssError, match="no sweep.csv in .*test or "):
        load_mixtures(tmp_path, "sweep.csv")


def test_mixtures_of_different_rates_are_refused(tmp_path):
    write_set(tmp_path, rates=(8000, 16000))
    with pytest.raises(FqssError, match="m1 has 16000 Hz but the mixtures before it have 8000 Hz"):
        load_mixtures(tmp_path)


def test_a_mixture_without_samples_is_refused(tmp_path):
    write_set(tmp_path, samples=0)
    with pytest.raises(FqssError, match="m0 has no samples"):
        load_mixtures(tmp_path)


def test_a_step_model_scores_as_the_file_for_segments_that_it_is(step_tflite, causal_tflite):
    mixtures = [two_voices(seed=seed, samples=8000) for seed in range(2)]
    step, whole = evaluate([step_tflite, causal_tflite], mixtures, rate=8000)
    for one, other in zip(step.rows, whole.rows, strict=True):
        assert one.source_si_sdr == pytest.approx(other.source_si_sdr, abs=1e-6)
    (alone,) = evaluate([step_tflite], mixtures, rate=8000)
    assert alone.rows == step.rows


def test_a_step_model_goes_with_models_of_any_segment(step_tflite, tiny_tflite):
    scores = evaluate([step_tflite, tiny_tflite], [two_voices()])
    assert [len(score.rows) for score in scores] == [1, 1]
