"""Two replicas, as two devices or two processes, train as one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fqss_tf.errors import FqssError
from fqss_tf.training.distribution import Distribution

SCRIPT = Path(__file__).with_name("distributed_run.py")


def start(kind, folder, steps, environment=None, errors=subprocess.DEVNULL):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), kind, str(folder), str(steps)], stderr=errors,
        stdout=subprocess.DEVNULL, env=os.environ | (environment or {}),
    )


def start_two_workers(folder, steps, errors=(subprocess.DEVNULL, subprocess.DEVNULL)):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    workers = [f"127.0.0.1:{free.getsockname()[1]}" for free in sockets]
    for free in sockets:
        free.close()
    return [
        start("multiworker", folder, steps, {"TF_CONFIG": json.dumps({
            "cluster": {"worker": workers}, "task": {"type": "worker", "index": index},
        })}, errors[index])
        for index in range(2)
    ]


def assert_alike(run, one):
    """The same loss curve and kernels but for the order in which floats are added up.

    A bias before a batch norm has no gradient but rounding errors, which Adam makes large.
    """
    rows, expected = run.log(), one.log()
    assert [row["step"] for row in rows] == [row["step"] for row in expected]
    for row, other in zip(rows[1:], expected[1:], strict=True):
        for curve in ("loss", "dev_si_sdr"):
            assert float(row[curve]) == pytest.approx(float(other[curve]), rel=1e-3, abs=1e-3)
    found = run.files()
    kernels = {name: value for name, value in one.files().items() if name.endswith("/kernel")}
    assert len(kernels) > 10
    for name, value in kernels.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-2, atol=3e-4, err_msg=name)


@pytest.mark.slow
def test_two_devices_train_as_one(micro_in, tmp_path):
    assert start("mirrored", tmp_path, 4).wait() == 0
    assert_alike(micro_in(tmp_path), micro_in(tmp_path / "one"))


@pytest.mark.slow
def test_two_workers_train_as_one_even_when_one_dies(micro_in, tmp_path):
    run, one = micro_in(tmp_path / "two"), micro_in(tmp_path / "one")
    with (tmp_path / "errors.txt").open("w") as errors:
        chief, worker = start_two_workers(run.folder, 10**6, (errors, subprocess.DEVNULL))
        while not (run.folder / "log.csv").exists() or len(run.log()) < 2:
            assert chief.poll() is None and worker.poll() is None
            time.sleep(0.05)
        os.kill(worker.pid, signal.SIGKILL)
        assert chief.wait(timeout=300) == 2  # by itself: it does not wait for the dead
    worker.wait()
    assert "error: worker 0 of 2 lost another one" in (tmp_path / "errors.txt").read_text()
    with np.load(run.folder / "checkpoints/float.npz") as arrays:
        steps = int(arrays["progress/step"]) + 4
    assert [w.wait(timeout=300) for w in start_two_workers(run.folder, steps)] == [0, 0]
    assert start("none", one.folder, steps).wait() == 0
    assert_alike(run, one)
    written = {path.suffix for path in run.folder.rglob("*") if path.is_file()}
    assert written == {".csv", ".npz", ".v2"}
    assert len(list((run.folder / "tensorboard/float").iterdir())) == 2  # the chief's two starts


def test_a_cluster_must_name_this_worker(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(FqssError, match="multiworker needs TF_CONFIG"):
        Distribution("multiworker")
    for text in ("{", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}'):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(FqssError, match="TF_CONFIG names no worker of a cluster"):
            Distribution("multiworker")


def test_an_unknown_kind_is_named():
    with pytest.raises(FqssError, match="'everywhere' is unknown"):
        Distribution("everywhere")
