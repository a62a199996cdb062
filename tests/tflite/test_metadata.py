import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from fqss_tf.errors import FqssError
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.checksum import with_checksum
from fqss_tf.tflite.flatbuffer import pack_model, read_model
from fqss_tf.tflite.metadata import METADATA_NAME


def metadata_of(path):
    return TfliteFile.open(path).metadata


def test_reads_what_was_written(tiny_tflite):
    file = TfliteFile.open(tiny_tflite)
    metadata = file.metadata
    assert file.content == tiny_tflite.read_bytes()
    assert vars(metadata) == {
        "sample_rate": 8000,
        "segment": 800,
        "hop": 8,
        "sources": ("speech_1", "speech_2"),
        "input_planes": 2,
        "output_planes": 2,
        "type": "int8",
        "method": "ptq",
        "network": "toy",
        "quantized_by": "test",
        "algorithmic_delay": None,
        "states": (),
        "spectrogram": None,
        "channels": 1,
        "transform": None,
        "bounds": None,
    }


def test_a_truncated_model_is_an_error_or_runs_wherever_it_is_cut(tiny_tflite, tmp_path):
    """In a process of its own: what this must rule out is a crash of the interpreter."""
    script = """
import sys
from pathlib import Path
from fqss_tf.errors import FqssError
from fqss_tf.runtime.engine import Engine
content = Path(sys.argv[1]).read_bytes()
cut = Path(sys.argv[2])
refused = 0
for kept in range(0, len(content), 5):
    cut.write_bytes(content[:kept])
    try:
        Engine(cut)
    except FqssError as error:
        assert str(cut) in str(error), error
        refused += 1
print(refused / len(range(0, len(content), 5)))
"""
    arguments = [sys.executable, "-c", script, str(tiny_tflite), str(tmp_path / "cut.tflite")]
    result = subprocess.run(arguments, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    assert float(result.stdout) > 0.99  # only padding at the very end may be missed


def test_the_description_of_a_truncated_model_is_never_read(tiny_tflite, tmp_path):
    content = tiny_tflite.read_bytes()
    path = tmp_path / "cut.tflite"
    for kept in range(0, len(content) - 4, 3):  # up to 3 bytes at the end only align it
        path.write_bytes(content[:kept])
        with pytest.raises(FqssError, match="cut.tflite"):
            metadata_of(path)


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\0\0\0\0TFL3", b"\xff" * 4 + b"TFL3" + b"\xff" * 99]
)
def test_fragments_are_errors(tmp_path, content):
    path = tmp_path / "a.tflite"
    path.write_bytes(content)
    with pytest.raises(FqssError, match="not a .tflite|damaged"):
        metadata_of(path)


def test_a_foreign_model_is_named_as_such(foreign_tflite):
    with pytest.raises(FqssError, match="not an fqss-tf model"):
        metadata_of(foreign_tflite)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"format": 2}, "format 2"),
        ({"segment": 0}, "wrong segment"),
        ({"segment": 10**400}, "wrong segment"),
        ({"sample_rate": "8000"}, "wrong sample_rate"),
        ({"input_stages": True}, "wrong input_stages"),
        ({"type": "int4"}, "wrong type"),
        ({"network": None}, "wrong network"),
        ({"sources": []}, "wrong sources"),
        ({"sources": ["same", "same"]}, "wrong sources"),
        ({"sources": ["../../etc/passwd"]}, "wrong sources"),
        ({"channels": 3}, "wrong channels"),
        ({"channels": "2"}, "wrong channels"),
    ],
)
def test_a_wrong_description_is_named(
    foreign_tflite, float_description, with_description, tmp_path, change, message
):
    path = tmp_path / "a.tflite"
    path.write_bytes(with_description(foreign_tflite.read_bytes(), float_description | change))
    with pytest.raises(FqssError, match=message):
        metadata_of(path)


def test_a_description_of_endless_depth_is_damage(foreign_tflite, tmp_path):
    model = read_model(foreign_tflite.read_bytes())
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers)
    buffer.data = np.frombuffer(b"[" * 100_000, np.uint8)
    model.metadata = [*(model.metadata or []), entry]
    model.buffers.append(buffer)
    (tmp_path / "a.tflite").write_bytes(pack_model(model))
    with pytest.raises(FqssError, match="a.tflite is .*damaged"):
        metadata_of(tmp_path / "a.tflite")


def test_a_description_that_is_not_an_object_is_refused(
    foreign_tflite, with_description, tmp_path
):
    path = tmp_path / "a.tflite"
    path.write_bytes(with_description(foreign_tflite.read_bytes(), [1]))
    with pytest.raises(FqssError, match="format None"):
        metadata_of(path)


def test_a_sidecar_with_the_right_checksum_passes(tiny_tflite, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(tiny_tflite.read_bytes())
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps({"sha256": checksum}))
    metadata_of(path)


@pytest.mark.parametrize("sidecar", ['{"sha256": "0000"}', '{"sha256": ', "\udcff"])
def test_a_sidecar_of_another_file_is_refused(tiny_tflite, tmp_path, sidecar):
    path = tmp_path / "a.tflite"
    path.write_bytes(tiny_tflite.read_bytes())
    path.with_suffix(".json").write_bytes(sidecar.encode(errors="surrogateescape"))
    with pytest.raises(FqssError, match="a.json"):
        metadata_of(path)


def test_a_json_file_without_a_checksum_is_none_of_our_business(tiny_tflite, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(tiny_tflite.read_bytes())
    path.with_suffix(".json").write_text("[1, 2]")
    metadata_of(path)


def test_a_sealed_model_is_read_and_runs(tiny_tflite, tmp_path):
    from fqss_tf.runtime.engine import Engine

    content = tiny_tflite.read_bytes()
    path = tmp_path / "a.tflite"
    path.write_bytes(with_checksum(content))
    assert path.read_bytes().startswith(content)
    assert metadata_of(path) == metadata_of(tiny_tflite)
    planes = np.random.default_rng(0).integers(-128, 128, (800, 2)).astype(np.int8)
    expected = Engine(tiny_tflite).run_planes(planes)
    assert np.array_equal(Engine(path).run_planes(planes), expected)


def test_sealing_twice_is_sealing_once(tiny_tflite):
    once = with_checksum(tiny_tflite.read_bytes())
    assert with_checksum(once) == once


def test_the_shipped_model_is_sealed():
    content = (Path(__file__).parents[2] / "tflite_models" / "two-voices.tflite").read_bytes()
    assert with_checksum(content) == content


def test_a_step_model_tells_its_lag_and_states(step_tflite):
    metadata = metadata_of(step_tflite)
    assert metadata.is_streaming and metadata.takes_int16
    assert (metadata.segment, metadata.algorithmic_delay, metadata.latency) == (128, 16, 144)
    assert metadata.states[0] == "encoder_0_past" and len(set(metadata.states)) == 7


@pytest.mark.parametrize(
    ("sources", "named"),
    [(("speech_1", "speech_2"), False), (("speech",), False), (("voice", "background"), True),
     (("speech", "noise"), True)],
)
def test_sources_with_names_are_known_by_them(tiny_tflite, sources, named):
    metadata = metadata_of(tiny_tflite)
    assert dataclasses.replace(metadata, sources=sources).has_named_sources == named


def test_a_file_for_segments_has_the_latency_of_one(tiny_tflite):
    metadata = metadata_of(tiny_tflite)
    assert not metadata.is_streaming and metadata.states == ()
    assert metadata.latency == metadata.segment


@pytest.mark.parametrize("changes, wrong", [
    ({"lag": -1}, "lag"),
    ({"lag": 2.0}, "lag"),
    ({"lag": True}, "lag"),
    ({"lag": 2**40}, "lag"),
    ({"states": ["a"]}, "states"),
    ({"lag": 0, "states": "a"}, "states"),
    ({"lag": 0, "states": ["a", "a"]}, "states"),
])
def test_wrong_lags_and_states_are_named(
    foreign_tflite, float_description, with_description, changes, wrong, tmp_path
):
    path = tmp_path / "m.tflite"
    path.write_bytes(with_description(foreign_tflite.read_bytes(), float_description | changes))
    with pytest.raises(FqssError, match=f"a wrong {wrong}: convert it anew"):
        metadata_of(path)
