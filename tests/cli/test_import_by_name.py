"""Checkpoints by name become runs. The publishers are a server on this machine."""

import hashlib
import importlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from publisher import COMMIT, publishing
from spleeter_checkpoint import tensors, write_checkpoint

from fqss_tf.cli.main import main
from fqss_tf.importing import by_name
from fqss_tf.runs.run import Run

CHECKPOINTS = Path(__file__).parents[1] / "fixtures/checkpoints"
ARCHIVE = f"/{by_name.SPLEETER_RELEASE}/2stems.tar.gz"
DEMUCS = CHECKPOINTS / "demucs_htdemucs_a_half.th"
ASTEROID = "JorisCos/ConvTasNet_Libri2Mix_sepclean_8k"
SEPFORMER = "speechbrain/sepformer-libri2mix"
CARD = b"---\ntags:\n- asteroid\nlicense: cc-by-sa-4.0\n---\n\n# A model\n"
HYPERPARAMS = b"""\
sample_rate: 8000
Encoder: &encoder !new:speechbrain.lobes.models.dual_path.Encoder
    kernel_size: 16
SBtf: &block !new:speechbrain.lobes.models.dual_path.SBTransformerBlock
    nhead: 4
MaskNet: &masknet !new:speechbrain.lobes.models.dual_path.Dual_Path_Model
    K: 20
    intra_model: *block
modules:
    encoder: *encoder
    masknet: *masknet
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Spleeter's archive of a small network, and beside it what must not be unpacked."""
    folder = write_checkpoint(tmp_path_factory.mktemp("checkpoint"), tensors())
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as members:
        for path in folder.iterdir():
            members.add(path, path.name)
        members.add(folder / "checkpoint", "../outside")
    return stream.getvalue()


@pytest.fixture
def publisher(monkeypatch, tmp_path, archive):
    """A server in place of GitHub and Hugging Face, and empty caches."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        monkeypatch.delitem(sys.modules, module)  # it reads its environment when it is imported
    monkeypatch.setitem(by_name.SPLEETER_SHA256, "2stems", hashlib.sha256(archive).hexdigest())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with publishing() as started:
        monkeypatch.setenv("GITHUB_HOST", started.url)
        monkeypatch.setenv("HF_ENDPOINT", started.url)
        started.files[ARCHIVE] = archive
        file = f"955717e8-{hashlib.sha256(DEMUCS.read_bytes()).hexdigest()[:8]}.th"
        monkeypatch.setattr(by_name, "DEMUCS_FOLDER", f"{started.url}/demucs")
        monkeypatch.setitem(by_name.DEMUCS_FILES, "htdemucs", file)
        started.files[f"/demucs/{file}"] = DEMUCS.read_bytes()
        started.repositories[ASTEROID] = {
            "pytorch_model.bin": (CHECKPOINTS / "asteroid_convtasnet_a.pth").read_bytes(),
            "README.md": CARD,
        }
        started.repositories[SEPFORMER] = {
            path.name: path.read_bytes()
            for path in (CHECKPOINTS / "speechbrain_sepformer_a").iterdir()
        } | {"hyperparams.yaml": HYPERPARAMS}
        yield started


def imported(name, output, *options):
    return CliRunner().invoke(main, ["import", name, "--output", str(output), *options])


def refused(result, output, message):
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ") and message in line
    assert result.stdout == "" and not output.exists()


def test_spleeter(publisher, tmp_path):
    result = imported("spleeter:2stems", tmp_path / "run")
    assert result.exit_code == 0, result.output
    first, license = result.stdout.splitlines()
    assert "spleeter from spleeter-unets, 2 sources at 44100 Hz" in first
    assert license == ("license of spleeter:2stems, as its publisher states it: MIT "
                       f"({publisher.url}{ARCHIVE})")
    about = json.loads((tmp_path / "run" / "run.json").read_text())["imported"]
    assert (about["name"], about["license"], about["file"]) == ("spleeter:2stems", "MIT", "2stems")
    assert Run(tmp_path / "run").publisher == "spleeter"
    assert not (tmp_path / "outside").exists() and not (tmp_path / "cache/outside").exists()


def test_demucs(publisher, tmp_path):
    result = imported("demucs:htdemucs", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["layout"].startswith("demucs") and told["license"] is None
    assert imported("demucs:htdemucs", tmp_path / "again").exit_code == 0
    assert len(publisher.asked) == 1


def test_another_demucs_than_its_name_states_is_refused(publisher, tmp_path):
    (path,) = [path for path in publisher.files if path.endswith(".th")]
    publisher.files[path] += b"x"
    refused(imported("demucs:htdemucs", tmp_path / "run"), tmp_path / "run",
            ".th is refused: its SHA-256 is not")
    assert list((tmp_path / "cache").rglob("*.th*")) == []


def test_offline_spleeter_comes_from_the_cache(publisher, tmp_path, monkeypatch):
    assert imported("spleeter:2stems", tmp_path / "a").exit_code == 0
    monkeypatch.setenv("GITHUB_HOST", "http://127.0.0.1:9")
    result = imported("spleeter:2stems", tmp_path / "b", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["license"] == "MIT"
    assert len(publisher.asked) == 1


def test_another_archive_than_the_stated_one_is_refused(publisher, tmp_path):
    publisher.files[ARCHIVE] += b"x"
    refused(imported("spleeter:2stems", tmp_path / "run"), tmp_path / "run",
            "2stems.tar.gz is refused: its SHA-256 is not")
    assert list((tmp_path / "cache").rglob("*.*")) == []


def test_an_archive_that_is_none_is_one_line(publisher, tmp_path, monkeypatch):
    publisher.files[ARCHIVE] = b"no archive"
    checksum = hashlib.sha256(b"no archive").hexdigest()
    monkeypatch.setitem(by_name.SPLEETER_SHA256, "2stems", checksum)
    refused(imported("spleeter:2stems", tmp_path / "run"), tmp_path / "run", "cannot unpack")


def test_a_folder_in_use_is_refused_before_anything_is_downloaded(publisher, tmp_path):
    result = imported("spleeter:2stems", tmp_path.parent)
    assert result.exit_code == 2 and "exists and is not empty" in result.stderr
    assert publisher.asked == []


@pytest.mark.parametrize("name, message", [
    ("spleeter:2stem", "did you mean spleeter:2stems"),
    ("spleter:4stems", "did you mean spleeter:4stems"),
    ("demucs:htdemucs_ft", "did you mean demucs:htdemucs?"),
    ("spleeter:voice", "known are spleeter:2stems, spleeter:4stems, spleeter:5stems"),
    ("umx:xxxxxxxx", "known are spleeter:2stems, demucs:htdemucs, asteroid:"),
])
def test_an_unknown_name_names_the_nearest(publisher, tmp_path, name, message):
    refused(imported(name, tmp_path / "run"), tmp_path / "run", message)
    assert publisher.asked == []


class TestHuggingFace:
    @pytest.fixture(autouse=True)
    def library(self, publisher):
        pytest.importorskip("huggingface_hub")

    def test_asteroid(self, publisher, tmp_path):
        result = imported(f"asteroid:{ASTEROID}", tmp_path / "run")
        assert result.exit_code == 0, result.output
        first, license = result.stdout.splitlines()
        assert "convtasnet from asteroid-convtasnet, 2 sources at 8000 Hz, sep_clean" in first
        assert license == (f"license of asteroid:{ASTEROID}, as its publisher states it: "
                           f"cc-by-sa-4.0 ({publisher.url}/{ASTEROID})")
        about = json.loads((tmp_path / "run" / "run.json").read_text())["imported"]
        assert about["license"] == "cc-by-sa-4.0" and about["file"] == "pytorch_model.bin"

    def test_speechbrain_by_its_short_name(self, publisher, tmp_path):
        result = imported("speechbrain:sepformer-libri2mix", tmp_path / "run", "--json")
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert (told["layout"], told["sample_rate"]) == ("speechbrain-sepformer", 8000)
        assert told["license"] is None  # there is no card
        model = Run(tmp_path / "run").recipe.model
        assert (model.chunk, model.heads) == (20, 4)
        about = json.loads((tmp_path / "run" / "run.json").read_text())["imported"]
        assert about["file"] == COMMIT

    def test_a_license_that_is_not_stated_is_not_made_up(self, publisher, tmp_path):
        publisher.repositories[ASTEROID]["README.md"] = b"# A model under the license: MIT\n"
        result = imported(f"asteroid:{ASTEROID}", tmp_path / "run")
        assert result.exit_code == 0, result.output
        assert f"license of asteroid:{ASTEROID}: none found (http" in result.stdout

    def test_offline_it_comes_from_the_cache(self, publisher, tmp_path, monkeypatch):
        assert imported(f"asteroid:{ASTEROID}", tmp_path / "a").exit_code == 0
        publisher.repositories.clear()
        for module in [name for name in sys.modules if name.startswith("huggingface_hub")]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        result = imported(f"asteroid:{ASTEROID}", tmp_path / "b")
        assert result.exit_code == 0, result.output
        assert "states it: cc-by-sa-4.0" in result.stdout

    def test_without_a_network_and_a_copy_it_says_what_to_do(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        refused(imported(f"asteroid:{ASTEROID}", tmp_path / "run"), tmp_path / "run",
                "is not in its cache: run this again with a network")

    def test_a_broken_download_goes_on_where_it_was(self, publisher, tmp_path, monkeypatch):
        constants = importlib.import_module("huggingface_hub.constants")
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10000)
        path = f"/{ASTEROID}/resolve/main/pytorch_model.bin"
        publisher.ends_after[path] = 20000
        result = imported(f"asteroid:{ASTEROID}", tmp_path / "run")
        assert result.exit_code == 0, result.output
        assert publisher.sent("pytorch_model.bin") == [None, "bytes=20000-"]

    def test_another_checksum_is_refused_and_nothing_kept(self, publisher, tmp_path):
        file = "masknet.ckpt"
        publisher.stated[SEPFORMER, file] = "0" * 64
        refused(imported(f"speechbrain:{SEPFORMER}", tmp_path / "run"), tmp_path / "run",
                f"{file} is refused: its checksum is not {'0' * 64}")
        assert list((tmp_path / "hf").rglob(file)) == list((tmp_path / "hf").rglob("0" * 64)) == []

    def test_a_damaged_copy_in_the_cache_is_refused(self, publisher, tmp_path):
        assert imported(f"asteroid:{ASTEROID}", tmp_path / "a").exit_code == 0
        (place,) = (tmp_path / "hf").rglob("README.md")
        place.resolve().write_bytes(b"changed")
        refused(imported(f"asteroid:{ASTEROID}", tmp_path / "run"), tmp_path / "run",
                "README.md is refused: its checksum is not")
        assert imported(f"asteroid:{ASTEROID}", tmp_path / "b").exit_code == 0

    @pytest.mark.parametrize("name, message", [
        ("asteroid:JorisCos/ConvTasNet_Libri2Mix_sepcleen_8k", f"did you mean asteroid:{ASTEROID}"),
        ("speechbrain:sepformer-libri2mx", "did you mean speechbrain:sepformer-libri2mix"),
        ("asteroid:no repository", "has no public repository no repository"),
    ])
    def test_an_unknown_repository_names_the_nearest(self, publisher, tmp_path, name, message):
        refused(imported(name, tmp_path / "run"), tmp_path / "run", message)

    def test_a_repository_of_something_else_is_named(self, publisher, tmp_path):
        refused(imported(f"asteroid:{SEPFORMER}", tmp_path / "run"), tmp_path / "run",
                f"{SEPFORMER} has no pytorch_model.bin")


def test_without_the_library_it_says_what_installs_it(publisher, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    refused(imported(f"asteroid:{ASTEROID}", tmp_path / "run"), tmp_path / "run",
            "pip install 'fqss-tf[hub]'")
