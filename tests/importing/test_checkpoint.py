"""Every kind of file gives the same tensors; a hostile or broken one gives one plain error."""

import io
import json
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fqss_tf.errors import FqssError
from fqss_tf.importing.checkpoint import read_checkpoint

FIXTURES = Path(__file__).parents[1] / "fixtures"
ASTEROID = FIXTURES / "checkpoints" / "asteroid_convtasnet_a.pth"


@pytest.fixture(scope="module")
def state(hostile):
    return hostile.state_of("asteroid_convtasnet_a")


def safetensors_of(state, **header):
    """Bytes of a .safetensors file."""
    offset = 0
    for key, value in state.items():
        header[key] = {"dtype": "F32", "shape": value.shape,
                       "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(v.tobytes() for v in state.values())


def npz_of(arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def read(content, tmp_path, name="file.bin"):
    (tmp_path / name).write_bytes(content)
    return read_checkpoint(tmp_path / name)


def refused(content, tmp_path, *parts):
    with pytest.raises(FqssError) as caught:
        read(content, tmp_path)
    for part in ("file.bin", *parts):
        assert part in str(caught.value)


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "npz", "prefixed npz"])
def test_every_kind_of_file_gives_the_same_tensors(kind, hostile, state, tmp_path):
    content = {
        "zip": lambda: hostile.zip_of(state),
        "legacy": lambda: hostile.legacy_of(state),
        "safetensors": lambda: safetensors_of(state, __metadata__={"format": "pt"}),
        "npz": lambda: npz_of(state),
        "prefixed npz": lambda: npz_of(
            {f"sd/{key}": value for key, value in state.items()} | {"input": np.zeros(3)}
        ),
    }[kind]()
    tensors = read(content, tmp_path).tensors
    assert list(tensors) == list(state)
    assert all(np.array_equal(tensors[key], state[key]) for key in state)


def test_files_that_torch_wrote(state):
    legacy = read_checkpoint(ASTEROID.with_name("asteroid_convtasnet_a_legacy.pth"))
    assert list(legacy.tensors) == list(state)
    assert all(np.array_equal(legacy.tensors[key], state[key]) for key in state)
    checkpoint = read_checkpoint(ASTEROID)
    assert all(np.array_equal(checkpoint.tensors[key], state[key]) for key in state)
    assert checkpoint.arguments["n_filters"] == 16
    assert checkpoint.arguments["encoder_activation"] is None


def test_of_a_lightning_file_the_network_is_read_and_the_teacher_left(hostile):
    checkpoint = read_checkpoint(FIXTURES / "checkpoints" / "fqss_lightning_convtasnetq_a.ckpt")
    recorded = hostile.state_of("fqss_convtasnetq_a")
    assert list(checkpoint.tensors) == list(recorded)
    assert all(np.array_equal(checkpoint.tensors[key], recorded[key]) for key in recorded)


@pytest.mark.parametrize(
    "kind, values, expected",
    [
        ("HalfStorage", np.array([1.5, -2], np.float16), [1.5, -2]),
        ("BFloat16Storage", np.array([0x3FC0, 0xC000], np.uint16), [1.5, -2]),
        ("DoubleStorage", np.array([1.5, -2]), [1.5, -2]),
    ],
)
def test_other_precisions(kind, values, expected, hostile, tmp_path):
    pickled = hostile.pickled({"weight": hostile.tensor("0", (2,), kind=kind)})
    tensor = read(hostile.torch_zip(pickled, {"0": values.tobytes()}), tmp_path).tensors["weight"]
    assert tensor.dtype in (np.float32, np.float64)
    assert tensor.tolist() == expected


def test_tensors_may_lie_side_by_side_and_be_transposed(hostile, tmp_path):
    pickled = hostile.pickled({
        "first": hostile.tensor("0", (2, 3), strides=(1, 2), size=8),
        "second": hostile.tensor("0", (2,), offset=6, size=8),
    })
    content = hostile.torch_zip(pickled, {"0": np.arange(8, dtype=np.float32).tobytes()})
    tensors = read(content, tmp_path).tensors
    assert tensors["first"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert tensors["second"].tolist() == [6, 7]


def test_counters_are_left_out(hostile, tmp_path):
    pickled = hostile.pickled({
        "weight": hostile.tensor("0", (1,)), "steps": hostile.tensor("1", (), kind="LongStorage"),
    })
    content = hostile.torch_zip(pickled, {"0": bytes(4), "1": bytes(8)})
    assert list(read(content, tmp_path).tensors) == ["weight"]


class Calling:
    """Pickles as a call of any function, as Python itself writes it."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class WithState:
    def __getstate__(self):
        return {"weight": 1}


@pytest.fixture
def trap(tmp_path):
    """A path that a hostile pickle would create if anything in it ran."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrap", ["zip", "legacy"])
def test_a_call_is_refused_by_name(protocol, wrap, hostile, trap, tmp_path):
    for function, arguments in (
        (__import__("os").system, (f"touch {trap}",)),
        (eval, (f"open({str(trap)!r}, 'w')",)),
        (exec, (f"open({str(trap)!r}, 'w')",)),
        (getattr, ("", "join")),
        (__import__, ("os",)),
    ):
        nested = {"state_dict": {"weight": [Calling(function, *arguments)]}}
        content = pickle.dumps(nested, protocol)
        if wrap == "zip":
            content = hostile.torch_zip(content)
        else:
            content = hostile.legacy_of({}, system=content)
        refused(content, tmp_path, function.__name__)


@pytest.mark.parametrize(
    "opcodes, named",
    [
        (b"cbuiltins\neval\n.", "builtins.eval"),
        (b"c__builtin__\nexec\n.", "__builtin__.exec"),
        (b"cposix\nsystem\n.", "posix.system"),
        (b"\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"(S'id'\nios\nsystem\n.", "INST"),
        (b"(cos\nsystem\nS'id'\no.", "os.system"),
        (b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n.", "__globals__"),
        (b"ccollections\nOrderedDict.fromkeys\n.", "fromkeys"),
        (b"cfqss_tf.importing.unpickle\nCALLS\n.", "fqss_tf.importing.unpickle.CALLS"),
        (b"\x82\x01.", "EXT1"),
        (b"ctorch.nn.modules.linear\nLinear\n)\x81}b.", "torch.nn.modules.linear.Linear"),
        (b"ccollections\nOrderedDict\n}S'__setstate__'\ncos\nsystem\nsb.", "os.system"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n}S'__code__'\nNsb.", "fills a Name"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.", "without a shape"),
        (b"ctorch\nFloatStorage\n)R.", "calls"),
        (b"]]R.", "calls a list"),
        (b"}(ccollections\nOrderedDict\n)RNs.", ""),
        (b"}((ttNs.", ""),
        (b"}(tNs.", "key is a tuple"),
        (b"(NtQ.", "no tensor storage"),
    ],
)
def test_opcodes_that_build_no_plain_data(opcodes, named, hostile, tmp_path):
    refused(hostile.torch_zip(b"\x80\x02" + opcodes), tmp_path, named)


@pytest.mark.parametrize("value", [
    np.float64(-3.5), np.float32(0.25), np.int64(-(2**40)), np.uint8(200), np.bool_(True),
])
def test_scores_of_numpy_beside_the_tensors_are_plain_numbers(value, hostile, state, tmp_path):
    opcodes = hostile.Opcodes(pickle.dumps(value, 2)[2:-1])
    document = {"state_dict": hostile.tensors_of(state), "infos": {"metrics": {"si_sdr": opcodes}},
                "model_args": {"n_src": opcodes}}
    storages = {str(i): value.tobytes() for i, value in enumerate(state.values())}
    found = read(hostile.torch_zip(hostile.pickled(document), storages), tmp_path)
    assert list(found.tensors) == list(state)
    assert found.arguments == {"n_src": value.item()}
    assert type(found.arguments["n_src"]) is type(value.item())


@pytest.mark.parametrize("module, name, arguments, reason", [
    ("numpy", "dtype", ("O8", False, True), "numbers of the type O8"),
    ("numpy.core.multiarray", "scalar", ("f8", b"12345678"), "a number of something that is none"),
    ("_codecs", "encode", ("text", "rot13"), "bytes of something that is no text"),
])
def test_what_is_no_number_of_numpy_is_refused(module, name, arguments, reason, hostile, tmp_path):
    document = {"state_dict": {}, "infos": hostile.Named(module, name, *arguments)}
    refused(hostile.torch_zip(hostile.pickled(document)), tmp_path, reason)


def test_numbers_of_another_byte_order_are_refused(hostile, tmp_path):
    opcodes = hostile.Opcodes(pickle.dumps(np.dtype(">f8").type(1), 2)[2:-1].replace(
        pickle.dumps("<", 2)[2:-3], pickle.dumps(">", 2)[2:-3]
    ))
    refused(hostile.torch_zip(hostile.pickled({"infos": opcodes})), tmp_path, "byte order")


def test_an_object_with_state_is_refused(hostile, tmp_path):
    content = pickle.dumps(WithState()).replace(b"WithState", b"Stateless")
    refused(hostile.torch_zip(content), tmp_path, "Stateless")


def test_deep_nesting_does_no_harm(hostile, tmp_path):
    deep = b"\x80\x02" + b"(" * 200_000 + b"t" * 200_000 + b"."
    refused(hostile.torch_zip(deep), tmp_path, "not a state_dict")
    bomb = b"\x80\x02]q\x00" + b"(h\x00h\x00lq\x00" * 10_000 + b"."
    refused(hostile.torch_zip(bomb), tmp_path, "not a state_dict")
    text = b'{"a":' * 100_000
    refused(len(text).to_bytes(8, "little") + text, tmp_path)


# A tuple that holds the one before twice: text of it would be as long as 2 to the power of 24.
DOUBLING = b"h\x00h\x00\x86q\x00" * 24


@pytest.mark.parametrize("use, reason", [
    (b"h\x00\x93.", "by what is no text"),
    (b"h\x00h\x00\x93.", "by what is no text"),
    (b"cnumpy\ndtype\nh\x00\x85R.", "a type that is no text"),
])
def test_a_small_file_is_never_written_out_at_length(use, reason, hostile, tmp_path):
    pickled = b"\x80\x02X\x01\x00\x00\x00aq\x00" + DOUBLING + b"X\x01\x00\x00\x00a" + use
    tracemalloc.start()
    refused(hostile.torch_zip(pickled), tmp_path, reason)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_a_long_text_makes_no_bytes_of_a_number(hostile, tmp_path):
    document = {"infos": hostile.Named("_codecs", "encode", "a" * 1000, "latin1")}
    refused(hostile.torch_zip(hostile.pickled(document)), tmp_path, "1000 bytes where a number")


def test_tensors_of_one_storage_share_its_memory(hostile, tmp_path):
    size, tensors = 100_000, 200
    state = {
        f"bias_{place}": hostile.tensor("0", shape=(1,), offset=place, size=size)
        for place in range(tensors)
    }
    content = np.arange(size, dtype=np.float32).tobytes()
    packed = hostile.torch_zip(hostile.pickled(state), {"0": content})
    tracemalloc.start()
    tensors = read(packed, tmp_path).tensors
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [float(tensors[f"bias_{place}"][0]) for place in (0, 199)] == [0, 199]
    assert peak < 10 * len(content)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"shape": (2**40,), "strides": (0,), "size": 4}, "larger than its storage"),
        ({"shape": (2**40,), "size": 2**40}, "not the stated"),
        ({"shape": (4,), "offset": 1}, "larger than its storage"),
        ({"shape": (4,), "offset": -1}, "impossible shape"),
        ({"shape": (-4,)}, "impossible shape"),
        ({"shape": (1,) * 9}, "impossible shape"),
        ({"shape": (2, 2), "strides": (2,)}, "impossible shape"),
        ({"shape": (4,), "strides": (3,)}, "larger than its storage"),
    ],
)
def test_tensors_that_claim_more_than_there_is(changes, reason, hostile, tmp_path):
    pickled = hostile.pickled({"weight": hostile.tensor("0", **({"size": 4} | changes))})
    refused(hostile.torch_zip(pickled, {"0": bytes(16)}), tmp_path, reason)


def test_many_tensors_of_one_storage_are_refused(hostile, tmp_path):
    pickled = hostile.pickled({f"w{i}": hostile.tensor("0", (4,)) for i in range(2)})
    refused(hostile.torch_zip(pickled, {"0": bytes(16)}), tmp_path, "w1 shares its numbers")


def test_zip_bombs_are_refused_before_they_are_unpacked(hostile, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**6))
    refused(stream.getvalue(), tmp_path, "compressed")
    claimed = hostile.torch_zip(hostile.pickled({}), {"0": bytes(64)})
    place = claimed.rindex(b"archive/data/0") - 46
    size = (2**31).to_bytes(4, "little")
    refused(claimed[: place + 20] + size + size + claimed[place + 28 :], tmp_path, "more bytes")
    array = npz_of({"weight": np.zeros(4, np.float32)})
    place = array.rindex(b"weight.npy") - 46
    refused(array[: place + 24] + size + array[place + 28 :], tmp_path, "1 GiB")


@pytest.mark.parametrize("shape", [(2**40,), (8,), (2,)])
def test_an_array_that_states_another_size_is_refused(shape, tmp_path):
    content = npz_of({"weight": np.zeros(4, np.float32)})
    wrong = repr(shape).encode()
    stream = io.BytesIO()
    old, new = b"(4,), }".ljust(len(wrong) + 3), (wrong + b", }").ljust(7)
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w") as target:
        array = source.read("weight.npy")
        target.writestr("weight.npy", array.replace(old, new))
    refused(stream.getvalue(), tmp_path, "weight is no plain array")


def test_arrays_of_objects_are_refused(tmp_path, trap):
    content = npz_of({"weight": np.array([Calling(exec, f"open({str(trap)!r}, 'w')")], object)})
    refused(content, tmp_path, "weight is no plain array")


@pytest.mark.parametrize(
    "entry, reason",
    [
        ({"data_offsets": [4, 20]}, "behind the tensor before it"),
        ({"data_offsets": [0, 2**40]}, "beyond the end"),
        ({"shape": [2**40]}, "not the stated"),
        ({"shape": [-4]}, "impossible shape"),
        ({"shape": ["4"]}, "behind the tensor"),
        ({"dtype": "F4"}, "unknown type"),
        ({"dtype": None}, "unknown type"),
    ],
)
def test_broken_safetensors(entry, reason, tmp_path):
    header = json.dumps({
        "weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} | entry
    }).encode()
    refused(len(header).to_bytes(8, "little") + header + bytes(16), tmp_path, reason)


@pytest.mark.parametrize(
    "value, reason", [(np.nan, "NaN"), (np.inf, "NaN or infinite")]
)
def test_weights_that_are_no_numbers_are_named(value, reason, tmp_path):
    refused(npz_of({"weight": np.array([1, value], np.float32)}), tmp_path, "weight", reason)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04", b"hello", bytes(100)])
def test_files_of_another_kind(content, tmp_path):
    refused(content, tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FqssError, match="nowhere"):
        read_checkpoint(tmp_path / "nowhere.pth")


def test_a_folder_without_the_parts_is_named(tmp_path):
    with pytest.raises(FqssError, match="has no encoder.ckpt"):
        read_checkpoint(tmp_path)


@settings(max_examples=150)
@given(data=st.data(), kind=st.sampled_from(["zip", "legacy", "safetensors", "npz", "torch"]))
def test_damaged_files_give_an_error_or_tensors(data, kind, hostile, state, tmp_path_factory):
    small = dict(list(state.items())[:6])
    content = bytearray({
        "zip": hostile.zip_of, "legacy": hostile.legacy_of, "safetensors": safetensors_of,
        "npz": npz_of, "torch": lambda _: ASTEROID.read_bytes(),
    }[kind](small))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)):]
    else:
        # Most damage to numbers changes nothing but these: prefer the places with structure.
        for _ in range(data.draw(st.integers(1, 4))):
            position = data.draw(st.integers(0, min(len(content), 3000) - 1))
            if data.draw(st.booleans()):
                position = len(content) - 1 - position
            content[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "damaged.bin"
    path.write_bytes(content)
    try:
        tensors = read_checkpoint(path).tensors
    except FqssError as error:
        assert "damaged.bin" in str(error)
    else:
        assert all(np.isfinite(tensor).all() for tensor in tensors.values())
