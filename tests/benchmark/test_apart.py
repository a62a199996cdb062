import numpy as np
import pytest

from fqss_tf.benchmark.apart import Apart
from fqss_tf.benchmark.memory import peak_bytes
from fqss_tf.errors import FqssError

HELPERS = '''
import os, signal, sys

def echo(channel, prefix):
    while True:
        channel.send(prefix + channel.receive())

def fail(channel):
    raise ValueError("first line\\nsecond line")

def crash(channel):
    os.kill(os.getpid(), signal.SIGSEGV)

def leave(channel):
    print("a library is missing", file=sys.stderr, flush=True)
    os._exit(3)

def talk(channel):
    print("chatter", flush=True)
    os.write(1, b"chatter of native code")
    channel.send("done")

def peak(channel):
    from fqss_tf.benchmark.memory import peak_bytes
    channel.send(peak_bytes())
'''


@pytest.fixture
def helpers(tmp_path, monkeypatch):
    (tmp_path / "apart_helpers.py").write_text(HELPERS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    import apart_helpers

    return apart_helpers


def test_messages_go_to_and_fro(helpers):
    with Apart("model", helpers.echo, "re: ") as child:
        for text in ("one", "two"):
            child.send(text)
            assert child.receive() == f"re: {text}"


@pytest.mark.parametrize(
    "name, message",
    [
        ("fail", "a.tflite cannot be run: first line second line"),
        ("crash", "a.tflite cannot be run: its process ended with -11: "),
        ("leave", "a.tflite cannot be run: its process ended with 3: a library is missing"),
    ],
)
def test_a_failure_is_one_line_with_the_name_of_the_model(helpers, name, message):
    with Apart("a.tflite", getattr(helpers, name)) as child:
        with pytest.raises(FqssError) as caught:
            child.receive()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_what_the_child_prints_stays_there(helpers, capfd):
    with Apart("model", helpers.talk) as child:
        assert child.receive() == "done"
    assert capfd.readouterr() == ("", "")


def test_the_process_is_gone_afterwards(helpers):
    with Apart("model", helpers.echo, "") as child:
        process = child._process
    assert process.poll() is not None


def test_a_childs_peak_does_not_begin_with_that_of_its_parent(helpers):
    large = np.ones(40_000_000)
    assert peak_bytes() > large.nbytes
    with Apart("model", helpers.peak) as child:
        assert 1e6 < child.receive() < large.nbytes
