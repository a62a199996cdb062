"""Whatever stdout and stderr are, a command gives results and an exit code, or one line."""

import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fqss_tf.cli.main import main
from fqss_tf.files import PREFIX

PROGRAM = [sys.executable, "-m", "fqss_tf.cli.main"]


def shell(redirection, tiny_tflite, tmp_path):
    """rc, stdout and stderr of ``inspect``, which writes some lines, under a redirection."""
    command = f"exec {' '.join(PROGRAM)} inspect {tiny_tflite} {redirection}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("redirection, line", [
    (">/dev/full", "error: cannot write to stdout: No space left on device\n"),
    (">&-", "error: stdout is closed: send it to a file, or to /dev/null\n"),
])
def test_results_that_nobody_takes_are_a_mistake(redirection, line, tiny_tflite, tmp_path):
    assert shell(redirection, tiny_tflite, tmp_path) == (2, "", line)


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&-"])
def test_messages_that_nobody_takes_are_none(redirection, tiny_tflite, tmp_path):
    returncode, results, _ = shell(redirection, tiny_tflite, tmp_path)
    assert returncode == 0 and "ops" in results


@pytest.mark.parametrize("arguments", ["separate -", "separate --stream -"])
def test_an_input_that_is_closed_is_one_line(arguments, tmp_path):
    command = f"exec {' '.join(PROGRAM)} {arguments} <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_mistake_that_nobody_hears_of_has_its_exit_code(tmp_path):
    assert shell("--wrong 2>/dev/full", "", tmp_path) == (2, "", "")


def test_a_reader_that_stops_is_one_line(tiny_tflite, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [*PROGRAM, "inspect", tiny_tflite]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (2, b"error: cannot write to stdout: Broken pipe\n")


def test_a_working_folder_that_is_gone_is_one_line(tiny_tflite, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    result = CliRunner().invoke(main, ["separate", "talk.wav", "--output", str(tmp_path / "out")])
    monkeypatch.undo()
    assert result.exit_code == 2 and result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


def test_lines_of_libraries_need_verbose(tiny_tflite, tmp_path):
    script = (
        "import os, sys, click\nfrom fqss_tf.cli import main as module\n"
        "@click.command()\ndef noisy():\n"
        "    os.write(2, b'W0000 library\\n')\n"
        "    click.echo('mine', err=True)\n"
        "module.importlib.import_module = lambda _: type('Module', (), {'command': noisy})\n"
        "module.main()\n"
    )
    for options, seen in (([], b"mine\n"), (["--verbose"], b"W0000 library\nmine\n")):
        done = subprocess.run([sys.executable, "-c", script, "inspect", *options],
                              capture_output=True)
        assert (done.returncode, done.stderr) == (0, seen)


@pytest.mark.parametrize("number, name", [(signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")])
def test_a_polite_kill_leaves_nothing_behind(number, name, tmp_path):
    script = (
        "import os, sys, time, click\nfrom fqss_tf.cli import main as module\n"
        "from fqss_tf.files import atomic_path\n"
        "@click.command()\ndef slow():\n"
        f"    with atomic_path({str(tmp_path / 'a.wav')!r}):\n"
        "        os.write(1, b'.')\n"
        "        time.sleep(60)\n"
        "module.importlib.import_module = lambda _: type('Module', (), {'command': slow})\n"
        "module.main()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, "inspect"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # Not ignored, whoever started the tests.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as it:
        assert it.stdout.read(1) == b"."
        assert any(path.name.startswith(PREFIX) for path in tmp_path.iterdir())
        it.send_signal(number)
        assert it.stderr.read() == f"ended by {name}\n".encode()
    assert it.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []
