import numpy as np
import pytest

from fqss_tf.analysis.excerpts import cut_excerpts
from fqss_tf.analysis.integer import InspectedModel, compare_files, compare_layers
from fqss_tf.errors import FqssError
from fqss_tf.export.convert import convert
from fqss_tf.metrics import si_sdr
from fqss_tf.runtime.engine import Engine


@pytest.fixture(scope="module")
def excerpts(tflite_files):
    segment = Engine(tflite_files[0]).metadata.segment
    sources = np.random.default_rng(0).uniform(-0.4, 0.4, (3, 2, segment)).astype(np.float32)
    mixtures = [(f"m{n}", 0.0, pair.sum(axis=0), pair) for n, pair in enumerate(sources)]
    return cut_excerpts(mixtures, segment)


def test_every_layer_of_the_float_file_has_its_integer_twin(tflite_files, excerpts):
    for integer in tflite_files[1:]:
        rows = compare_layers(tflite_files[0], integer, excerpts)
        layers = [row["layer"] for row in rows]
        layers.remove("encoder")  # which is anywhere before the masks multiply it
        assert layers[:2] == ["bottleneck", "block_0_in"]
        assert {"block_1_depthwise", "mask_relu", "masks", "masked"} <= set(layers)
        assert len(set(layers)) == len(layers)
        assert all(15 < row["sqnr"] < 60 for row in rows)
        assert all(0 <= row["saturated"] < 0.1 for row in rows)


@pytest.mark.parametrize("latent_planes, last", [(1, "masked"), (2, "mask_0")])
def test_parts_of_a_tensor_are_not_compared_with_the_whole(
    untrained, excerpts, tmp_path, latent_planes, last
):
    run = untrained(
        "model.sum_to_mixture=true", "model.mask_activation=linear",
        f"quantization.latent_planes={latent_planes}",
    )
    files = [tmp_path / "float.tflite", tmp_path / "int8.tflite"]
    convert(run, files[0], "float32")
    convert(run, files[1], "int8", ptq=True, planes=2)
    layers = [row["layer"] for row in compare_layers(*files, excerpts)]
    assert layers[-1] == last


def test_a_file_beside_itself_has_no_noise(tflite_files, excerpts):
    rows = compare_layers(tflite_files[0], tflite_files[0], excerpts[:1])
    assert all(row["sqnr"] == 200 for row in rows)


def test_values_are_those_of_the_graph(tflite_files, excerpts):
    float_values = InspectedModel(tflite_files[0]).values(excerpts[0].mixture)
    masks, _ = float_values["masks"]
    encoded, _ = float_values["encoder"]
    assert float_values["masked"][0] == pytest.approx(masks * encoded, abs=1e-5)


def test_scores_are_those_of_the_engine(tflite_files, excerpts):
    seen = []
    files = compare_files(
        tflite_files[0], tflite_files[1:], excerpts, 2, -100.0, lambda *step: seen.append(step)
    )
    assert seen[-1][0] == seen[-1][1] == len(seen)
    assert len(files.rows) == 2 * 3 * 2
    assert [row["method"] for row in files.rows[::6]] == ["ptq", "untrained"]
    for row in files.rows[:2]:
        reference = files.references[0]
        estimates = Engine(tflite_files[1]).forward(excerpts[0].mixture)[list(reference.order)]
        index = row["source"] - 1
        expected = si_sdr(estimates[index], excerpts[0].sources[index])
        assert row["sdr"] == pytest.approx(float(expected), abs=1e-6)
        assert row["float_sdr"] == pytest.approx(float(reference.sdr[index]))


def test_files_of_different_networks_are_refused(tiny_float_tflite, tiny_tflite):
    noise = np.random.default_rng(0).uniform(-0.4, 0.4, (2, 800)).astype(np.float32)
    excerpts = cut_excerpts([("m", 0.0, noise.sum(axis=0), noise)], 800)
    with pytest.raises(FqssError, match="no layers in common"):
        compare_layers(tiny_float_tflite, tiny_tflite, excerpts)


def test_other_types_are_refused(tiny_int16_tflite):
    with pytest.raises(FqssError, match="is int16x8: float32 and int8 can be compared"):
        InspectedModel(tiny_int16_tflite)
