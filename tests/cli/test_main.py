import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

import fqss_tf
from fqss_tf.cli.main import SUBCOMMANDS, LazyGroup, main
from fqss_tf.errors import FqssError


def test_help_names_every_command_without_importing_any():
    script = """
import sys
from fqss_tf.cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"tensorflow", "tf_keras", "ai_edge_litert", "numpy", "soundfile"}, loaded
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for name, one_line in SUBCOMMANDS.items():
        assert name in result.stdout and one_line in result.stdout


def test_an_unknown_command_exits_with_2():
    assert CliRunner().invoke(main, ["separat"]).exit_code == 2


def test_help_is_instant():
    command = [sys.executable, "-m", "fqss_tf.cli.main", "--help"]
    fastest = min(_seconds(command) for _ in range(3))
    assert fastest < 0.5


def test_version():
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"fqss-tf, version {fqss_tf.__version__}\n")


@pytest.mark.parametrize(
    "raised, exit_code, line",
    [
        (FqssError("two\nlines"), 2, "error: two lines\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (click.Abort(), 130, "interrupted\n"),
        (
            ModuleNotFoundError("No module named 'yaml'", name="yaml"),
            2,
            "error: this command needs the package yaml, which is not installed: "
            "fqss-tf brings it, fqss-tf-runtime does not\n",
        ),
    ],
)
def test_what_a_command_raises_becomes_one_line(monkeypatch, raised, exit_code, line):
    @click.command()
    def failing():
        raise raised

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: failing)
    result = CliRunner().invoke(main, ["train"])
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.lstrip("\n") == line


@pytest.mark.parametrize(
    "defect", [ZeroDivisionError(), ModuleNotFoundError("typing error", name="fqss_tf.trian")]
)
def test_a_defect_is_not_dressed_up_as_a_mistake(monkeypatch, defect):
    @click.command()
    def failing():
        raise defect

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: failing)
    assert CliRunner().invoke(main, ["train"]).exception is defect


def _seconds(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start
