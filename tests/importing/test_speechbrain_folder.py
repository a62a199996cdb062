"""What hyperparams.yaml says is what the network is made with; nothing in it is made."""

import json
import shutil
from pathlib import Path

import pytest

from fqss_tf.errors import FqssError
from fqss_tf.importing.importer import read_published
from fqss_tf.importing.speechbrain_folder import read_hyperparams

SEPFORMER = Path(__file__).parents[1] / "fixtures/checkpoints/speechbrain_sepformer_a"
# In the form of those in speechbrain's repositories, for the sizes of the fixture.
HYPERPARAMS = """\
sample_rate: 8000
num_spks: 2
kernel_size: 16
__set_seed: !apply:torch.manual_seed [1234]
data_folder: !PLACEHOLDER
Encoder: &id003 !new:speechbrain.lobes.models.dual_path.Encoder
    kernel_size: !ref <kernel_size>
    out_channels: 8
SBtfintra: &id001 !new:speechbrain.lobes.models.dual_path.SBTransformerBlock
    num_layers: 2
    d_model: 8
    nhead: 4
    d_ffn: 32
    dropout: 0
    use_positional_encoding: true
    norm_before: true
SBtfinter: &id002 !new:speechbrain.lobes.models.dual_path.SBTransformerBlock
    num_layers: 2
    d_model: 8
    nhead: 4
    d_ffn: 32
    dropout: 0
    use_positional_encoding: true
    norm_before: true
MaskNet: &id005 !new:speechbrain.lobes.models.dual_path.Dual_Path_Model
    num_spks: !ref <num_spks>
    in_channels: 8
    out_channels: 8
    num_layers: 2
    K: 20
    intra_model: *id001
    inter_model: !ref <SBtfinter>
    norm: ln
    linear_layer_after_inter_intra: false
    skip_around_intra: true
Decoder: &id004 !new:speechbrain.lobes.models.dual_path.Decoder
    in_channels: 8
    out_channels: 1
    kernel_size: 16
    stride: 8
    bias: false
modules:
    encoder: *id003
    decoder: *id004
    masknet: *id005
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        encoder: !ref <Encoder>
"""


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SEPFORMER, tmp_path / "sepformer"))


def write(folder, text=HYPERPARAMS):
    (folder / "hyperparams.yaml").write_text(text)
    return folder


def test_the_file_tells_what_no_tensor_shows(folder):
    imported = read_published(write(folder))
    assert imported.assumed == {}
    assert (imported.recipe.model.chunk, imported.recipe.model.heads) == (20, 4)
    assert (imported.recipe.data.sample_rate, imported.tells_rate) == (8000, True)


def test_given_arguments_win(folder):
    imported = read_published(write(folder), arguments={"nhead": 2}, rate=16000)
    assert (imported.recipe.model.heads, imported.recipe.data.sample_rate) == (2, 16000)


def test_without_the_file_it_is_assumed(folder):
    imported = read_published(folder)
    assert imported.assumed == {"hop": 8, "chunk": 250, "heads": 8}
    assert not imported.tells_rate


@pytest.mark.parametrize("name, value, refused", [
    ("skip_around_intra", "true", "false"), ("norm", "ln", "gln"),
    ("linear_layer_after_inter_intra", "false", "true"), ("norm_before", "true", "false"),
    ("use_positional_encoding", "true", "false"),
])
def test_another_network_is_refused(folder, name, value, refused):
    write(folder, HYPERPARAMS.replace(f"{name}: {value}", f"{name}: {refused}"))
    with pytest.raises(FqssError, match=f"hyperparams.yaml: {name} .* is not supported: only"):
        read_published(folder)


def test_two_numbers_of_heads_are_refused(folder):
    write(folder, HYPERPARAMS.replace("nhead: 4", "nhead: 2", 1))
    with pytest.raises(FqssError, match="nhead 2 and 4 are not supported"):
        read_hyperparams(folder)


def test_sizes_that_do_not_fit_are_named(folder):
    write(folder, HYPERPARAMS.replace("d_ffn: 32", "d_ffn: 33"))
    with pytest.raises(FqssError, match="is no checkpoint of speechbrain-sepformer.*33"):
        read_published(folder)


@pytest.mark.parametrize("text, message", [
    ("a: [", "is no YAML"), ("a: 2001-99-99", "is no YAML"), ("[]", "no keys and values"),
    ("x: !ref <y>\ny: !ref <x>\nmodules: !ref <x>", "lead back"),
    ("x: !!python/object/apply:os.system [ls]", "is no YAML"),
])
def test_nonsense_is_one_line(folder, text, message):
    with pytest.raises(FqssError, match=message) as caught:
        read_hyperparams(write(folder, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{}", "modules: 3", "modules: {masknet: [1]}"])
def test_a_file_that_says_nothing_is_as_none(folder, text):
    assert read_hyperparams(write(folder, text)) == {}


def test_nothing_is_made(folder, tmp_path):
    trap = tmp_path / "trap"
    text = f"sample_rate: 8000\nx: !new:os.mkdir [{json.dumps(str(trap))}]\n"
    assert read_hyperparams(write(folder, text)) == {"sample_rate": 8000}
    assert not trap.exists()
