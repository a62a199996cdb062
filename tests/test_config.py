import dataclasses

import pytest
import yaml

from fqss_tf.config import KINDS, Recipe, load_recipe, packaged_recipes, save_recipe
from fqss_tf.errors import FqssError
from fqss_tf.models.dprnn.sizes import DPRNNConfig


@pytest.fixture
def recipe_file(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", packaged_recipes())
def test_packaged_recipes_load(name):
    assert isinstance(load_recipe(name), Recipe)


def test_an_empty_file_is_the_defaults(recipe_file):
    assert load_recipe(recipe_file("")) == Recipe()


def test_given_keys_override_the_defaults_and_only_those(recipe_file):
    recipe = load_recipe(recipe_file("seed: 7\nqat: {steps: 3}\n"))
    expected = dataclasses.replace(
        Recipe(), seed=7, qat=dataclasses.replace(Recipe().qat, steps=3)
    )
    assert recipe == expected


@pytest.mark.parametrize(
    "text, wrong, right",
    [
        ("sead: 1", "sead", "seed"),
        ("qat: {step: 1}", "qat.step", "qat.steps"),
        ("model: {filter: 8}", "model.filter", "model.filters"),
        ("data: {sample_rte: 8000}", "data.sample_rte", "data.sample_rate"),
    ],
)
def test_unknown_key_names_itself_and_the_nearest(text, wrong, right, recipe_file):
    with pytest.raises(FqssError, match=f"key {wrong}: did you mean {right}\\?"):
        load_recipe(recipe_file(text))


def test_unknown_key_near_none_lists_the_known(recipe_file):
    with pytest.raises(FqssError, match="key qat.zzz: known: steps, batch_size"):
        load_recipe(recipe_file("qat: {zzz: 1}"))


def test_a_key_that_is_no_string(recipe_file):
    with pytest.raises(FqssError, match="unknown recipe key 8"):
        load_recipe(recipe_file("8: 1"))


@pytest.mark.parametrize(
    "text, key, kind",
    [
        ("seed: high", "seed", int),
        ("seed: 1.5", "seed", int),
        ("seed: true", "seed", int),
        ("seed:", "seed", int),
        ("network: 3", "network", str),
        ("qat: {learning_rate: fast}", "qat.learning_rate", float),
        ("qat: {learning_rate: true}", "qat.learning_rate", float),
        ("data: {roots: 3}", "data.datasets", tuple),
        ("data: {roots: [1, 2]}", "data.datasets", tuple),
    ],
)
def test_value_of_the_wrong_kind_names_key_and_kind(text, key, kind, recipe_file):
    with pytest.raises(FqssError, match=f"recipe key {key} is .* must be {KINDS[kind]}"):
        load_recipe(recipe_file(text))


@pytest.mark.parametrize("text", ["qat: 3", "qat: [steps]", "qat:"])
def test_section_without_keys(text, recipe_file):
    with pytest.raises(FqssError, match="recipe section qat.* must hold keys"):
        load_recipe(recipe_file(text))


@pytest.mark.parametrize("text", ["just words", "- a\n- b"])
@pytest.mark.parametrize("settings", [(), ("seed=1",)])
def test_file_that_holds_no_keys(text, settings, recipe_file):
    with pytest.raises(FqssError, match="must hold keys"):
        load_recipe(recipe_file(text), settings)


def test_a_wrong_size_names_the_key(recipe_file):
    with pytest.raises(FqssError, match="model.kernel 20"):
        load_recipe(recipe_file("model: {kernel: 20, hop: 8}"))


def test_forms_of_a_value(recipe_file):
    recipe = load_recipe(
        recipe_file("qat: {learning_rate: 1e-3, clip_norm: 5}\ndata: {roots: my/speech}")
    )
    assert recipe.qat.learning_rate == 1e-3
    assert isinstance(recipe.qat.clip_norm, float)
    assert recipe.data.datasets == ("my/speech",)


def test_settings_override_the_file(recipe_file):
    path = recipe_file("seed: 1\nqat: {steps: 3}")
    recipe = load_recipe(
        path,
        ["seed=2", "qat.steps=500", "qat.learning_rate=2e-4", "model.norm=batch",
         "data.datasets=[one, two]"],
    )
    assert (recipe.seed, recipe.qat.steps, recipe.qat.learning_rate) == (2, 500, 2e-4)
    assert recipe.model.norm == "batch"
    assert recipe.data.datasets == ("one", "two")


@pytest.mark.parametrize(
    "setting, message",
    [
        ("seed", "--set seed: write key=value"),
        ("qat.step=1", "did you mean qat.steps"),
        ("seed=x", "recipe key seed is 'x'"),
        ("seed.more=1", "--set seed.more=1: seed is not a section"),
        ("model.norm=layer", "model.norm 'layer'"),
        ("seed=[1", "--set seed=\\[1"),
        ("seed=0x_", "--set seed=0x_: this is not valid YAML"),
        ("data.datasets=2024-02-30", "2024-02-30: this is not valid YAML"),
        ("seed=" + 2000 * "[", "is not valid YAML"),
        ("qat.learning_rate=1" + 400 * "0", "qat.learning_rate is 1"),
    ],
)
def test_wrong_settings(setting, message, recipe_file):
    with pytest.raises(FqssError, match=message):
        load_recipe(recipe_file("seed: 1"), [setting])


@pytest.mark.parametrize(
    "setting, message",
    [
        ("data.task=sep", "data.task 'sep' is unknown: use one of sep_clean, sep_noisy, enh_sing"),
        ("data.on_bad_file=ignore", "data.on_bad_file 'ignore' is unknown: use one of stop, skip"),
        ("data.dynamic_fraction=1.5", "data.dynamic_fraction is 1.5: it must be from 0 to 1"),
        ("data.random_gain_db=-1", "data.random_gain_db is -1.0: it must not be negative"),
        ("data.min_noise_snr_db=30", "data.min_noise_snr_db is above data.max_noise_snr_db"),
        ("data.sample_rate=0", "data.sample_rate is 0: it must be above 0"),
        ("data.sources=[a/b, c]", "data.sources names 'a/b': its files cannot be called so"),
        ("data.sources=['', c]", "data.sources names '': its files cannot be called so"),
        ("seed=-1", "seed is -1: give a number from 0 to 2147483647"),
        ("seed=202501311200", "seed is 202501311200: give a number from 0"),
        ("data.segment_seconds=-1", "data.segment_seconds is -1.0: it must be above 0"),
        ("data.segment_seconds=.nan", "data.segment_seconds is nan: it must be a number"),
        ("data.segment_seconds=.inf", "data.segment_seconds is inf: it must be a number"),
        ("qat.learning_rate=-1e-3", "a stage's learning_rate is -0.001: it must be above 0"),
        ("qat.clip_norm=0", "a stage's clip_norm is 0.0: it must be above 0"),
        ("float.patience=-1", "patience of a stage is -1: it must be at least 0"),
        ("quantization.input_planes=0", "quantization.input_planes is 0: it must be at least 1"),
        ("quantization.output_planes=-1", "quantization.output_planes is -1: it must be at least"),
        (
            "quantization.distillation_weight=1.5",
            "quantization.distillation_weight is 1.5: it must be from 0 to 1",
        ),
    ],
)
def test_options_out_of_range(setting, message, recipe_file):
    with pytest.raises(FqssError, match=message):
        load_recipe(recipe_file(""), (setting,))


def test_settings_do_not_outlive_the_call():
    name = packaged_recipes()[0]
    before = load_recipe(name)
    load_recipe(name, ["seed=12345"])
    assert load_recipe(name) == before


def test_a_saved_recipe_loads_as_the_same(tmp_path, recipe_file):
    recipe = load_recipe(
        recipe_file("seed: 3"),
        ["data.datasets=[a, b]", "model.activation=relu", "float.learning_rate=1e-5"],
    )
    path = tmp_path / "resolved.yaml"
    save_recipe(recipe, path)
    assert load_recipe(path) == recipe
    assert set(yaml.safe_load(path.read_text())) == {
        field.name for field in dataclasses.fields(Recipe)
    }


@pytest.mark.parametrize("name", ["quickstrat", "no/such.yaml"])
def test_missing_recipe_names_those_there_are(name):
    with pytest.raises(FqssError, match=f"no recipe {name}") as caught:
        load_recipe(name)
    assert all(known in str(caught.value) for known in packaged_recipes())


def test_a_folder_is_no_recipe(tmp_path):
    with pytest.raises(FqssError, match="no recipe"):
        load_recipe(tmp_path)


@pytest.mark.parametrize("text", ["qat: {steps: 3", "a: b: c", "\tseed: 1"])
def test_broken_yaml_is_one_line_naming_the_file(text, recipe_file):
    path = recipe_file(text)
    with pytest.raises(FqssError, match="mine.yaml is not valid YAML") as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "picture.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(FqssError, match="picture.yaml is not valid YAML"):
        load_recipe(path)


def test_one_source_is_enhancement_and_nothing_else_is():
    assert load_recipe("two-voices", ["model.sources=1"]).data.task == "enh_single"
    assert load_recipe("two-voices").data.task == "sep_clean"
    with pytest.raises(FqssError, match="enh_single is of one source, but model.sources is 2"):
        load_recipe("two-voices", ["data.task=enh_single"])


@pytest.mark.parametrize("name, settings, recomputes", [
    ("convtasnet", (), True),
    ("convtasnet", ("quantization.recompute=false",), False),
    ("two-voices", (), False),
    ("two-voices", ("quantization.recompute=true",), True),
    ("dptnet", (), False),
    ("sepformer", ("quantization.recompute=true",), False),
])
def test_only_convtasnet_is_computed_again_for_its_gradient(name, settings, recomputes):
    assert load_recipe(name, settings).recomputes is recomputes


def test_a_recipe_gives_what_differs_from_its_base(recipe_file):
    recipe = load_recipe(
        recipe_file("base: two-voices\nseed: 7\nmodel: {causal: true}\n"), ["qat.steps=9"]
    )
    expected = load_recipe("two-voices", ["seed=7", "model.causal=true", "qat.steps=9"])
    assert recipe == expected


def test_another_network_takes_over_all_but_the_sizes_of_its_base(recipe_file):
    recipe = load_recipe(recipe_file("base: voice\nnetwork: dprnn\nmodel: {filters: 32}"))
    assert (recipe.loss, recipe.data) == ("sdr", load_recipe("voice").data)
    assert (recipe.model.filters, recipe.model.kernel) == (32, DPRNNConfig().kernel)


def test_the_network_of_the_base_may_be_named_again(recipe_file):
    base = recipe_file("model: {filters: 64}")
    base.rename(base.parent / "base.yaml")
    recipe = load_recipe(recipe_file("base: base.yaml\nnetwork: convtasnet\nmodel: {skip: 8}"))
    assert (recipe.model.filters, recipe.model.skip) == (64, 8)


def test_a_base_lies_beside_the_file_and_may_have_one_too(recipe_file):
    own = recipe_file("base: shared/common.yaml\nqat: {steps: 3}")
    (own.parent / "shared").mkdir()
    (own.parent / "shared/common.yaml").write_text("base: ../first.yaml\nqat: {batch_size: 2}")
    (own.parent / "first.yaml").write_text("quantisation: {observe_steps: 4}\nqat: {steps: 1}")
    recipe = load_recipe(own)
    assert (recipe.qat.steps, recipe.qat.batch_size) == (3, 2)
    assert recipe.quantization.calibration_steps == 4


def test_a_saved_recipe_has_every_key_and_no_base(recipe_file, tmp_path):
    recipe = load_recipe(recipe_file("base: two-voices"))
    save_recipe(recipe, tmp_path / "whole.yaml")
    values = yaml.safe_load((tmp_path / "whole.yaml").read_text())
    assert "base" not in values and values["model"]["filters"] == 256
    assert load_recipe(tmp_path / "whole.yaml") == recipe


@pytest.mark.parametrize("text, message", [
    ("base: mobil", "mine.yaml: no base .*mobil: give a YAML file or one of convtasnet, "),
    ("base: mine.yaml", "mine.yaml is its own base: .*mine.yaml -> .*mine.yaml"),
    ("base: [two-voices]", "base is \\['two-voices'\\]: give a YAML file"),
    ("base: two-voices\nmodel: {filter: 8}", "key model.filter: did you mean model.filters"),
])
def test_a_base_that_cannot_be(text, message, recipe_file):
    with pytest.raises(FqssError, match=message):
        load_recipe(recipe_file(text))


def test_two_recipes_that_are_each_others_base(recipe_file):
    own = recipe_file("base: other.yaml")
    (own.parent / "other.yaml").write_text("base: mine.yaml")
    with pytest.raises(FqssError, match="mine.yaml -> .*other.yaml -> .*mine.yaml"):
        load_recipe(own)


def test_a_step_of_a_stream_can_be_one_hop_and_a_segment_is_a_kernel_at_least():
    recipe = load_recipe("voice-stream")
    assert (recipe.segment(0.008), recipe.segment(0.008, of_stream=True)) == (256, 128)
    assert recipe.segment(0.001, of_stream=True) == 128
    assert recipe.segment(0.017) == recipe.segment(0.017, of_stream=True) == 256


def test_a_segment_has_every_whole_hop_of_its_length():
    assert load_recipe("two-voices").segment(2.01) == 16080  # 2.01 * 8000 is a little less


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_length_that_is_none(seconds):
    with pytest.raises(FqssError, match="seconds cannot be: give a length above 0"):
        load_recipe("two-voices").segment(seconds)
