"""A checkpoint becomes a run whose model gives what the published network gave."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import fqss_tf
from fqss_tf.errors import FqssError
from fqss_tf.importing.importer import import_checkpoint, read_arguments, read_published
from fqss_tf.runs.run import Run

FIXTURES = Path(__file__).parents[1] / "fixtures"
CHECKPOINTS = FIXTURES / "checkpoints"
# Checkpoint, the fixture with its input and output, and whether its sizes need the arguments.
CASES = {
    "asteroid_convtasnet_a.pth": ("asteroid_convtasnet_a", False),
    "fqss_lightning_convtasnetq_a.ckpt": ("fqss_convtasnetq_a", True),
    "asteroid_dptnet_a.pth": ("asteroid_dptnet_a", False),
    "speechbrain_sepformer_a": ("speechbrain_sepformer_a", True),
    "ujscjj_dptnet_a.pth": ("ujscjj_dptnet_a", True),
    "demucsv2_tasnet_a.th": ("demucsv2_tasnet_a", False),
}


def arguments_of(fixture):
    return json.loads(str(np.load(FIXTURES / f"{fixture}.npz")["config"]))


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Function checkpoint name -> run folder."""
    folders = {}

    def run_of(name):
        if name not in folders:
            fixture, needs_arguments = CASES[name]
            folders[name] = tmp_path_factory.mktemp("runs") / "run"
            import_checkpoint(CHECKPOINTS / name, folders[name],
                              arguments=arguments_of(fixture) if needs_arguments else None,
                              rate=8000)
        return folders[name]

    return run_of


@pytest.mark.parametrize("name", CASES)
def test_the_run_gives_the_output_of_the_published_network(name, imported):
    recorded = np.load(FIXTURES / f"{CASES[name][0]}.npz")
    outputs = fqss_tf.load_model(imported(name))(recorded["input"]).numpy()
    assert outputs.shape == recorded["output"].shape
    error = np.abs(outputs - recorded["output"]).max()
    assert error <= 5e-6 * np.abs(recorded["output"]).max()


@pytest.mark.parametrize("name, padded", [
    ("asteroid_convtasnet_a.pth", True), ("fqss_lightning_convtasnetq_a.ckpt", False),
])
@pytest.mark.parametrize("samples", [16, 17, 801, 805])
def test_any_length_gives_the_published_length(name, padded, samples, imported):
    mixture = np.ones((1, samples) if padded else (1, 1, samples), np.float32)
    outputs = fqss_tf.load_model(imported(name))(mixture).numpy()
    assert outputs.shape == (1, 2, samples if padded else samples // 8 * 8)
    assert not outputs[..., samples // 8 * 8 :].any()


def test_a_mixture_shorter_than_the_kernel_is_refused(imported):
    model = fqss_tf.load_model(imported("asteroid_convtasnet_a.pth"))
    with pytest.raises(FqssError, match="15 samples is shorter than the encoder's kernel of 16"):
        model(np.zeros((1, 15), np.float32))


def test_the_run_folder_is_one_like_any(imported):
    run = Run(imported("asteroid_convtasnet_a.pth"))
    assert (run.method, run.publisher, run.recipe.network) == ("fqss", "asteroid", "convtasnet")
    assert (run.config.blocks, run.config.repeats, run.config.filters) == (2, 2, 16)
    assert not run.is_quantized
    mixture = np.random.default_rng(0).uniform(-1, 1, (1, 1, 800, 1)).astype(np.float32)
    assert run.model()(mixture).shape == (1, 2, 800, 1)


def test_arguments_that_unfold_without_end_are_refused(hostile, tmp_path):
    state = state_of("asteroid_convtasnet_a")
    unfolding = b"]q\x00h\x00\x86" + b"q\x00h\x00\x86" * 60
    for argument in ("n_src", "norm_type", "sample_rate"):
        pickled = hostile.pickled({"state_dict": hostile.tensors_of(state), "model_args": {
            argument: hostile.Opcodes(unfolding),
        }})
        storages = {str(i): value.tobytes() for i, value in enumerate(state.values())}
        (tmp_path / "file.pth").write_bytes(hostile.torch_zip(pickled, storages))
        with pytest.raises(FqssError, match=argument):
            read_published(tmp_path / "file.pth", arguments={"n_blocks": 2})


def checkpoint_file(path, hostile, sources=2, **beside):
    """A file as PyTorch writes asteroid's dictionary, with more keys ``beside`` the weights."""
    state = state_of("asteroid_convtasnet_a")
    if sources == 1:
        for key in ("masker.mask_net.1.weight", "masker.mask_net.1.bias"):
            state[key] = state[key][: len(state[key]) // 2]
    document = {"state_dict": hostile.tensors_of(state), "model_args": {"n_blocks": 2}} | beside
    storages = {str(i): np.ascontiguousarray(v).tobytes() for i, v in enumerate(state.values())}
    path.write_bytes(hostile.torch_zip(hostile.pickled(document), storages))
    return path


@pytest.mark.parametrize(
    "sources, beside, task",
    [
        (2, {}, "sep_clean"),
        (2, {"task": "sep_noisy", "dataset": "Libri2Mix"}, "sep_noisy"),
        (2, {"infos": {"task": "sep_noisy"}}, "sep_noisy"),
        (2, {"task": "kinect-wsj"}, "sep_clean"),
        (1, {"task": "enhance_both"}, "enh_single"),
        (1, {}, "enh_single"),
    ],
)
def test_the_task_is_that_of_the_checkpoint(sources, beside, task, hostile, tmp_path):
    path = checkpoint_file(tmp_path / "model.pth", hostile, sources, **beside)
    imported = read_published(path)
    assert (imported.recipe.model.sources, imported.recipe.data.task) == (sources, task)
    if sources == 2:
        assert read_published(path, task="sep_noisy").recipe.data.task == "sep_noisy"
        with pytest.raises(FqssError, match="enh_single is of one source, but model.sources is 2"):
            read_published(path, task="enh_single")


def test_the_rate_is_that_of_the_checkpoint_or_asked_for(hostile, tmp_path):
    told = {"model_args": {"n_blocks": 2, "sample_rate": 16000.0}}
    path = checkpoint_file(tmp_path / "told.pth", hostile, **told)
    assert read_published(path).recipe.data.sample_rate == 16000
    assert read_published(path, rate=8000).recipe.data.sample_rate == 8000
    path = checkpoint_file(tmp_path / "untold.pth", hostile)
    with pytest.raises(FqssError, match="untold.pth does not tell the sample rate .* --rate 16000"):
        import_checkpoint(path, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    import_checkpoint(path, tmp_path / "run", rate=16000, settings=["data.noise_datasets=[here]"])
    data = Run(tmp_path / "run").recipe.data
    assert (data.sample_rate, data.noise_datasets) == (16000, ("here",))


def test_the_network_is_no_setting(tmp_path):
    with pytest.raises(FqssError, match="--set model: the network is what it is"):
        import_checkpoint(
            CHECKPOINTS / "asteroid_convtasnet_a.pth", tmp_path / "run",
            settings=["model.hidden=3"],
        )


@pytest.mark.parametrize("layout", [None, "asteroid", "asteroid-convtasnet"])
def test_the_layout_is_recognised_or_named(layout):
    imported = read_published(CHECKPOINTS / "asteroid_convtasnet_a.pth", layout)
    assert imported.layout == "asteroid-convtasnet"
    assert imported.assumed == {}


def test_what_no_key_tells_is_assumed_and_told(tmp_path):
    arrays = np.load(FIXTURES / "asteroid_convtasnet_a.npz")
    state = {key.removeprefix("sd/"): arrays[key] for key in arrays if key.startswith("sd/")}
    np.savez(tmp_path / "state.npz", **state)
    with pytest.raises(FqssError, match="give n_blocks by --config"):
        read_published(tmp_path / "state.npz", arguments={"n_blocks": 3})
    imported = read_published(tmp_path / "state.npz", arguments={"n_blocks": 2})
    assert imported.assumed == {"hop": 8, "mask_activation": "relu", "repeats": 2}
    assert imported.recipe.model.hidden == 16


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"n_filters": 32, "in_chan": None, "out_chan": 32},
         r"encoder.filterbank._filters is \[16, 1, 16\]: \[32, 1, 16\] is expected"),
        ({"n_filters": 32}, "n_filters 32 contradicts in_chan 16"),
        ({"bn_chan": 4}, r"masker.bottleneck.1.weight is \[8, 16, 1\]: \[4, 16, 1\]"),
        ({"n_repeats": 3}, "masker.TCN.4.shared_block.0.weight is missing"),
        ({"n_repeats": 10**12}, "masker.TCN.4.shared_block.0.weight is missing"),
        ({"n_repeats": 1}, "masker.TCN.2.shared_block.0.weight does not belong"),
        ({"n_src": 3}, "masker.mask_net.1.weight is"),
        ({"norm_type": "cLN"}, "norm_type 'cLN' is not supported: only gLN"),
        ({"causal": True}, "causal"),
        ({"mask_act": "softmax"}, "softmax"),
        ({"stride": 7}, "kernel 16 is not a multiple"),
        ({"n_filter": 16}, "n_filter is no argument of .*: did you mean n_filters"),
        ({"n_filters": "many"}, "n_filters is 'many': it must be a whole number from 1"),
        ({"n_repeats": 0}, "n_repeats is 0"),
        ({"kernel_size": None, "mask_act": 3}, "mask_act is 3: it must be text"),
        ({"sample_rate": "fast"}, "sample_rate"),
        ({"sample_rate": True}, "sample_rate True"),
    ],
)
def test_arguments_that_do_not_fit_are_named(changes, reason):
    with pytest.raises(FqssError, match=reason) as caught:
        read_published(CHECKPOINTS / "asteroid_convtasnet_a.pth", arguments=changes)
    assert "asteroid_convtasnet_a.pth" in str(caught.value)


@pytest.mark.parametrize("layout, reason", [
    ("asteroid-convtasnets", "layout 'asteroid-convtasnets' is unknown: use one of asteroid-conv"),
    ("fqss-convtasnet", "masker.TCN.0.shared_block.2.weight of fqss-convtasnet is missing"),
])
def test_a_wrong_layout_is_named(layout, reason):
    with pytest.raises(FqssError, match=reason):
        read_published(CHECKPOINTS / "asteroid_convtasnet_a.pth", layout)


RECORDED = {
    "asteroid_convtasnet_a": "asteroid-convtasnet", "fqss_convtasnetq_a": "fqss-convtasnet",
    "asteroid_dptnet_a": "asteroid-dptnet", "asteroid_dprnntasnet_a": "asteroid-dprnntasnet",
    "speechbrain_sepformer_a": "speechbrain-sepformer", "fqss_sepformerq_a": "fqss-sepformer",
    "ujscjj_dptnet_a": "ujscjj-dptnet", "fqss_dptnetq_a": "fqss-dptnet",
}
# What only the arguments tell, and is therefore what differs from the published values here.
NOT_IN_THE_KEYS = {
    "asteroid-convtasnet": {"blocks": 2, "repeats": 2}, "fqss-convtasnet": {"blocks": 2},
    "speechbrain-sepformer": {"chunk": 20, "heads": 4}, "fqss-sepformer": {"chunk": 20, "heads": 4},
    "ujscjj-dptnet": {"chunk": 20}, "fqss-dptnet": {"chunk": 20},
    "asteroid-dptnet": {"chunk": 20, "chunk_hop": 10},
    "asteroid-dprnntasnet": {"chunk": 20, "chunk_hop": 10},
}


def state_of(fixture):
    arrays = np.load(FIXTURES / f"{fixture}.npz")
    return {key.removeprefix("sd/"): arrays[key] for key in arrays if key.startswith("sd/")}


@pytest.mark.parametrize("fixture, layout", RECORDED.items())
def test_keys_and_shapes_tell_the_layout_and_most_sizes(fixture, layout, tmp_path):
    np.savez(tmp_path / "state.npz", **state_of(fixture))
    arguments = {"n_blocks": 2} if "convtasnet" in layout else {}
    imported = read_published(tmp_path / "state.npz", arguments=arguments)
    whole = read_published(FIXTURES / f"{fixture}.npz")
    assert imported.layout == whole.layout == layout
    assert whole.recipe.network == imported.recipe.network
    told = dataclasses.asdict(whole.recipe.model) | NOT_IN_THE_KEYS[layout]
    assert told == dataclasses.asdict(whole.recipe.model)
    for name, value in dataclasses.asdict(imported.recipe.model).items():
        assert value == told[name] or name in NOT_IN_THE_KEYS[layout], name
        assert name not in NOT_IN_THE_KEYS[layout] or name in (*imported.assumed, "blocks")


@pytest.mark.parametrize("fixture", RECORDED)
def test_a_missing_and_a_strange_tensor_are_named(fixture, tmp_path):
    state = state_of(fixture)
    arguments = arguments_of(fixture)
    last = list(state)[-1]
    np.savez(tmp_path / "more.npz", **state, strange=np.zeros(2, np.float32))
    with pytest.raises(FqssError, match="more.npz is no .*: strange does not belong to it"):
        read_published(tmp_path / "more.npz", arguments=arguments)
    np.savez(tmp_path / "less.npz", **{key: state[key] for key in state if key != last})
    with pytest.raises(FqssError, match=f"{last} is missing"):
        read_published(tmp_path / "less.npz", arguments=arguments)
    np.savez(tmp_path / "cut.npz", **(state | {last: state[last][:, :-1]}))
    with pytest.raises(FqssError, match=f"{last} is "):
        read_published(tmp_path / "cut.npz", arguments=arguments)
    for empty in list(state)[::9]:
        np.savez(tmp_path / "empty.npz", **(state | {empty: np.zeros((0, 4, 4), np.float32)}))
        if not empty.endswith(".pe"):
            with pytest.raises(FqssError, match=f"{empty} is .*: it holds nothing"):
                read_published(tmp_path / "empty.npz", arguments=arguments)


def test_tensors_of_another_network_are_named(tmp_path):
    np.savez(tmp_path / "state.npz", **{"head.weight": np.zeros(3, np.float32)})
    with pytest.raises(FqssError, match="head.weight is of no known layout: asteroid-convtasnet"):
        read_published(tmp_path / "state.npz")


@pytest.mark.parametrize("text", ['{"n_src": 2, "mask_act": "relu"}', "n_src: 2\nmask_act: relu\n",
                                  '{\n\t"n_src": 2,\n\t"mask_act": "relu"}'])
def test_arguments_as_json_or_yaml(text, tmp_path):
    (tmp_path / "config").write_text(text)
    assert read_arguments(tmp_path / "config") == {"n_src": 2, "mask_act": "relu"}


@pytest.mark.parametrize("text, reason", [
    ("[1, 2]", "by name"), ("{", "neither JSON nor YAML"), ("\0", "neither"),
    ("day: 2023-02-30", "neither JSON nor YAML: day is out of range"),
    ("!!python/object/apply:os.system [ls]", "neither"),
])
def test_broken_arguments(text, reason, tmp_path):
    (tmp_path / "config").write_text(text)
    with pytest.raises(FqssError, match=reason):
        read_arguments(tmp_path / "config")


def test_nothing_is_left_of_a_failed_import(tmp_path):
    with pytest.raises(FqssError):
        import_checkpoint(CHECKPOINTS / "asteroid_convtasnet_a.pth", tmp_path / "run",
                          arguments={"n_src": 3})
    assert list(tmp_path.iterdir()) == []


def test_a_used_folder_is_kept(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FqssError, match="is not empty"):
        import_checkpoint(CHECKPOINTS / "asteroid_convtasnet_a.pth", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
