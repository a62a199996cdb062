"""A file is read once, and parsed once."""

import hashlib

import pytest

from fqss_tf.errors import FqssError
from fqss_tf.tflite import TfliteFile
from fqss_tf.tflite.file import open_model


def test_an_open_file_is_not_read_again(tiny_tflite, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(tiny_tflite.read_bytes())
    file = TfliteFile.open(path)
    path.unlink()
    assert TfliteFile.open(file) is file and open_model(file) is file
    assert file.metadata.network == "toy" and file.report.file_bytes == len(file.content)
    assert file.sha256 == hashlib.sha256(tiny_tflite.read_bytes()).hexdigest()


def test_what_is_parsed_is_what_an_engine_runs(tiny_tflite, tmp_path):
    """A file that is replaced behind the checks is not the one that runs."""
    from fqss_tf.runtime import Separator

    path = tmp_path / "a.tflite"
    path.write_bytes(tiny_tflite.read_bytes())
    file = TfliteFile.open(path)
    path.write_bytes(b"something else")
    with Separator(file) as separator:
        assert separator.metadata == file.metadata


def test_a_file_of_others_has_a_report_and_no_description(foreign_tflite):
    file = TfliteFile.open(foreign_tflite)
    assert not file.is_described and file.report.ops
    with pytest.raises(FqssError, match="foreign.tflite is not an fqss-tf model"):
        file.metadata  # noqa: B018


def test_a_run_folder_stays_a_path(tmp_path):
    assert open_model(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("opening, message", [
    (TfliteFile.open, "none.tflite is missing: give a .tflite file"),
    (open_model, "no model .*none.tflite: give a run folder of fqss-tf train, a .tflite file or"),
])
def test_a_missing_file_is_named(tmp_path, opening, message):
    with pytest.raises(FqssError, match=message):
        opening(tmp_path / "none.tflite")


def test_a_folder_is_named(tmp_path):
    with pytest.raises(FqssError, match=f"{tmp_path} is a folder: convert a run first"):
        TfliteFile.open(tmp_path)


def test_nothing_is_parsed_before_its_checksum_is_right(tiny_tflite, monkeypatch):
    from fqss_tf.tflite import file as module
    from fqss_tf.tflite.checksum import with_checksum

    content = bytearray(with_checksum(tiny_tflite.read_bytes()))
    content[1000] ^= 1
    monkeypatch.setattr(module, "read_model", None)
    with pytest.raises(FqssError, match="a.tflite is damaged, its checksum differs"):
        TfliteFile("a.tflite", bytes(content))
