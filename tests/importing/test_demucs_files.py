"""The packages that demucs writes: read with their arguments, and nothing in them is made."""

import json
from pathlib import Path

import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.importing.checkpoint import read_checkpoint
from fqss_tf.importing.importer import import_checkpoint, read_published

FIXTURES = Path(__file__).parents[1] / "fixtures"
HALF = FIXTURES / "checkpoints/demucs_htdemucs_a_half"
KINDS = (".th", ".safetensors")


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_half_precision_and_arguments_are_read(kind, hostile):
    checkpoint = read_checkpoint(HALF.with_suffix(kind))
    whole = hostile.state_of("demucs_htdemucs_a")
    assert checkpoint.tensors.keys() == whole.keys()
    for key, tensor in checkpoint.tensors.items():
        assert tensor.dtype == np.float32
        np.testing.assert_array_equal(tensor, whole[key].astype(np.float16), err_msg=key)
    assert checkpoint.arguments["segment"] == 0.5
    assert checkpoint.arguments["sources"] == ["drums", "bass", "other", "vocals"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_has_what_the_package_says(kind):
    imported = read_published(HALF.with_suffix(kind))
    recipe = imported.recipe
    assert (imported.layout, imported.assumed, imported.tells_rate) == ("demucs-htdemucs", {}, True)
    assert (recipe.network, recipe.data.sample_rate) == ("htdemucs", 8000)
    assert recipe.data.sources == ("drums", "bass", "other", "vocals")
    assert recipe.segment() == 4000
    assert (recipe.model.feed_forward, recipe.model.decoder_branches) == (48, True)


def test_the_run_gives_the_output_of_the_published_network(tmp_path):
    from fqss_tf.models.inference import hybrid_function
    from fqss_tf.runs.run import Run

    recorded = np.load(FIXTURES / "demucs_htdemucs_a_half_expected.npz")
    import_checkpoint(HALF.with_suffix(".th"), tmp_path / "run")
    run = Run(tmp_path / "run")
    separate = hybrid_function(run.float_model(), run.config.kernel)
    given = separate(recorded["input"][0].T).transpose(0, 2, 1)
    error = np.abs(given - recorded["output"][0]).max()
    assert error <= 5e-6 * np.abs(recorded["output"]).max()


def package(hostile, klass=None, segment=None, **changes):
    """Bytes of a package as demucs writes it, of one tensor."""
    klass = klass or hostile.Opcodes(b"cdemucs.htdemucs\nHTDemucs\n")
    parts = {"klass": klass, "args": (), "kwargs": {"segment": segment or 1},
             "state": {"weight": hostile.tensor("0", (2,))}} | changes
    storages = {"0": np.array([1.5, -2], np.float32).tobytes()}
    return hostile.torch_zip(hostile.pickled(parts), storages)


def read(content, tmp_path):
    (tmp_path / "file.th").write_bytes(content)
    return read_checkpoint(tmp_path / "file.th")


@pytest.mark.parametrize("parts, seconds", [((39, 5), 7.8), (("39/5",), 7.8), (("10",), 10.0)])
def test_fractions_are_read_as_each_python_writes_them(parts, seconds, hostile, tmp_path):
    fraction = hostile.Named("fractions", "Fraction", *parts)
    checkpoint = read(package(hostile, segment=fraction), tmp_path)
    assert checkpoint.arguments == {"segment": seconds}
    assert checkpoint.tensors["weight"].tolist() == [1.5, -2]


@pytest.mark.parametrize("klass", [
    "demucs.hdemucs HDemucs", "os system", "builtins eval", "demucs.htdemucs system",
    "demucs.htdemucs HTDemucs.__init__",
])
def test_other_classes_are_refused_by_name(klass, hostile, tmp_path):
    module, name = klass.split(" ")
    opcodes = hostile.Opcodes(f"c{module}\n{name}\n".encode())
    with pytest.raises(FqssError, match=f"it names {module}.{name}, which is neither a tensor"):
        read(package(hostile, klass=opcodes), tmp_path)


def test_the_class_is_never_made(hostile, tmp_path):
    for opcodes in (b"cdemucs.htdemucs\nHTDemucs\n)R", b"cdemucs.htdemucs\nHTDemucs\n)\x81"):
        with pytest.raises(FqssError, match="the pickle calls a Name"):
            read(package(hostile, klass=hostile.Opcodes(opcodes)), tmp_path)
    built = hostile.Opcodes(b"cdemucs.htdemucs\nHTDemucs\n}b")
    with pytest.raises(FqssError, match="fills a Name as a container"):
        read(package(hostile, klass=built), tmp_path)


@pytest.mark.parametrize("parts", [(1, 0), (1.5, 2), (1, 2, 3), (), ("1/0",), ("a",), ([1],)])
def test_fractions_that_are_none_are_refused(parts, hostile, tmp_path):
    fraction = hostile.Named("fractions", "Fraction", *parts)
    with pytest.raises(FqssError, match=r"file\.th"):
        read(package(hostile, segment=fraction), tmp_path)


@pytest.mark.parametrize("changes, message", [
    ({"state": [1]}, "its state is no dictionary"),
    ({"state": {"weight": 1}}, "its entry weight is no tensor"),
    ({"args": (1,)}, "its class has arguments without a name"),
    ({"kwargs": "nothing"}, "it holds no tensors by name"),
])
def test_packages_with_other_contents_are_refused(changes, message, hostile, tmp_path):
    with pytest.raises(FqssError, match=message):
        read(package(hostile, **changes), tmp_path)


@pytest.mark.parametrize("argument, value, message", [
    ("growth", 3, "growth 3 is not supported: only 2 is"),
    ("audio_channels", 1, "audio_channels 1 is not supported"),
    ("segment", -1, "segment -1 is no number of seconds"),
    ("segment", "long", "segment 'long' is no number of seconds"),
    ("sources", ["a"], "it must name 4 sources"),
    ("t_heads", 7, "is not a multiple of 4 and of model.heads 7"),
    ("nfft", 1024, "model.kernel is 1024"),
    ("dconv_comp", 4, "encoder.0.dconv.layers.0.0.weight is"),
    ("t_layer", 3, "t_layer is no argument of demucs-htdemucs: did you mean t_layers"),
])
def test_arguments_that_do_not_fit_are_named(argument, value, message):
    with pytest.raises(FqssError, match=message):
        read_published(HALF.with_suffix(".th"), arguments={argument: value})


@pytest.mark.parametrize("kwargs", ["[1]", "{", '{"segment": {"_type": "fraction"}}'])
def test_a_damaged_header_is_refused(kwargs, tmp_path):
    content = HALF.with_suffix(".safetensors").read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"]["kwargs"] = kwargs
    text = json.dumps(header).encode()
    (tmp_path / "file.safetensors").write_bytes(
        len(text).to_bytes(8, "little") + text + content[end:]
    )
    with pytest.raises(FqssError, match=r"file\.safetensors"):
        read_checkpoint(tmp_path / "file.safetensors")
