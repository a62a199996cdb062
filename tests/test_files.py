import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fqss_tf.errors import FqssError
from fqss_tf.files import PREFIX, _umask, atomic_folder, atomic_path, atomic_paths

LONGEST_NAME = 255


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_the_block_succeeds(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_text("old")
    with atomic_path(path) as temporary:
        assert temporary.suffix == ".tflite" and temporary.parent == tmp_path
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and names(tmp_path) == ["model.tflite"]


def test_a_failing_block_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a.wav") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", [
    "a" * (LONGEST_NAME - 4) + ".wav", "ä" * 125 + ".flac", "a." + "b" * (LONGEST_NAME - 2),
])
def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path, name):
    with atomic_path(tmp_path / name) as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == [name]


def test_a_longer_name_is_one_line(tmp_path):
    with pytest.raises(FqssError, match="cannot write .*: File name too long"):
        with atomic_path(tmp_path / ("a" * LONGEST_NAME + ".wav")) as temporary:
            temporary.write_text("new")
    assert names(tmp_path) == []


@pytest.mark.parametrize("blocked", ["first", "second"])
def test_a_folder_in_the_way_of_one_file_leaves_none(tmp_path, blocked):
    (tmp_path / blocked).mkdir()
    began = False
    with pytest.raises(FqssError, match=f"{blocked}: a folder has this name"):
        with atomic_paths([tmp_path / "first", tmp_path / "second"]):
            began = True
    assert not began and names(tmp_path) == [blocked]


def test_a_folder_that_comes_meanwhile_leaves_none(tmp_path):
    with pytest.raises(FqssError, match="second: a folder"):
        with atomic_paths([tmp_path / "first", tmp_path / "second"]):
            (tmp_path / "second").mkdir()
    assert names(tmp_path) == ["second"]


def test_a_file_that_cannot_be_renamed_takes_the_others_along(tmp_path, monkeypatch):
    rename = os.replace

    def replace(source, target):
        if target.name == "second":
            raise PermissionError(1, "Operation not permitted")
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(FqssError, match="cannot write .*second: Operation not permitted"):
        with atomic_paths([tmp_path / "first", tmp_path / "second"]):
            pass
    assert names(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FqssError, match="cannot write .*no/a.wav: No such file|does not exist"):
        with atomic_path(tmp_path / "no" / "a.wav"):
            pass


def test_what_a_killed_program_left_is_removed_by_the_next_one(tmp_path):
    """The other program writes a file and a folder, and is alive when it is looked at first."""
    script = (
        "import sys, time\nfrom fqss_tf.files import atomic_folder, atomic_path\n"
        f"with atomic_path({str(tmp_path / 'a.wav')!r}), atomic_folder({str(tmp_path / 'b')!r}):\n"
        "    print('ready', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        left = list(tmp_path.iterdir())
        assert len(left) == 2 and all(path.name.startswith(PREFIX) for path in left)
        for path in left:
            os.utime(path, (time.time() - 100,) * 2)
        _write_by_another_name(tmp_path)
        assert all(path.exists() for path in left)
        other.send_signal(signal.SIGKILL)
    _write_by_another_name(tmp_path)
    assert names(tmp_path) == ["c.wav"]


def _write_by_another_name(folder):
    from fqss_tf import files

    files._remove_stale.cache_clear()
    with atomic_path(folder / "c.wav"):
        pass


def test_a_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "new") as temporary:
        (temporary / "half").write_text("half")
        raise ZeroDivisionError
    assert names(tmp_path) == []
    with atomic_folder(tmp_path / "deep" / "new") as temporary:
        (temporary / "whole").write_text("whole")
    assert names(tmp_path / "deep") == ["new"] and names(tmp_path / "deep" / "new") == ["whole"]
    with pytest.raises(FqssError, match="is not empty"), atomic_folder(tmp_path / "deep"):
        pass


def test_a_pipe_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FqssError, match="it is a device or a pipe, not a file"):
        with atomic_path(pipe):
            pass
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_threads_leave_the_mask_of_permissions_as_it_was(tmp_path):
    mask = os.umask(0o027)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(lambda _: _umask(), range(5000)))
        assert _umask() == 0o027
    finally:
        sys.setswitchinterval(interval)
        os.umask(mask)
