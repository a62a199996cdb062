"""The package of voice-micro that ships: today's code writes the same."""

import zipfile
from pathlib import Path

import pytest

from fqss_tf.micro.package import write_package
from fqss_tf.micro.tflm_check import is_installed
from fqss_tf.tflite.file import TfliteFile

# Sound of Ogg Vorbis, which may differ in a last bit from decoder to decoder; the self-test is for
# them.
GOLDEN = {"voice-micro/golden.c", "voice-micro/golden_level.c"}
ARCHIVE = Path(__file__).parents[2] / "tflite_models" / "voice-micro.zip"


@pytest.mark.skipif(not is_installed(), reason="only TFLite Micro tells the size of its arena")
def test_it_is_what_convert_writes(tmp_path):
    made = write_package(TfliteFile.open("voice-micro"), tmp_path / "voice-micro")
    with zipfile.ZipFile(ARCHIVE) as archive:
        shipped = {name: archive.read(name) for name in archive.namelist()}
    found = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in made.path.rglob("*") if path.is_file()
    }
    assert found.keys() == shipped.keys() > GOLDEN
    differing = {name for name, content in found.items() if content != shipped[name]}
    assert differing <= GOLDEN


def test_its_self_test_is_content(tmp_path, self_test):
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    text, is_right = self_test(tmp_path / "voice-micro")
    assert is_right and "model: 0 wrong samples of 31744\n" in text
