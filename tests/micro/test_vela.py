"""Vela where it is installed, and stand-ins for a Vela that fails, hangs or writes nothing."""

import sys

import pytest

from fqss_tf.errors import FqssError
from fqss_tf.micro import vela
from fqss_tf.micro.npus import SYSTEMS
from fqss_tf.micro.package import write_package

TARGET = "ethos-u55-128"


@pytest.fixture
def with_vela():
    pytest.importorskip("ethosu.vela")


@pytest.fixture
def stand_in(tmp_path_factory, monkeypatch):
    """Function (Python source) that makes it what runs instead of Vela."""

    def replace(source):
        script = tmp_path_factory.mktemp("stand_in") / "vela.py"
        script.write_text(source)
        monkeypatch.setattr(vela, "COMMAND", (sys.executable, str(script)))
        monkeypatch.setattr(vela, "check_installed", lambda target: None)
        monkeypatch.setattr("fqss_tf.micro.package.check_installed", lambda target: None)

    return replace


def refusal(file, tmp_path):
    """The one line; nothing may be left."""
    with pytest.raises(FqssError) as refused:
        write_package(file, tmp_path / "package", 0.1, TARGET)
    assert list(tmp_path.iterdir()) == [] and "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("target", SYSTEMS)
def test_a_streaming_model_is_whole_on_the_npu(with_vela, shipped, tmp_path, target):
    package = write_package(shipped, tmp_path / "package", 0.1, target)
    estimate = package.estimate
    assert (estimate.cpu_operators, estimate.clock_mhz) == (0, 500)
    assert estimate.npu_operators > 50 and 0.1 < estimate.real_time_factor < 0.2
    step_seconds = estimate.cycles / 500e6
    assert estimate.real_time_factor == pytest.approx(step_seconds / 0.016, rel=1e-3)
    assert package.to_dict()["npu"]["target"] == target
    assert str(estimate) in (package.path / "README.md").read_text()


def test_the_firmware_gets_the_file_of_the_npu(with_vela, shipped, tmp_path, self_test):
    package = write_package(shipped, tmp_path / "package", 0.1, TARGET)
    source = (package.path / "tflm" / "model_data.cc").read_text()
    size = (package.path / "model_vela.tflite").stat().st_size
    assert f"fqss_model_data_bytes = {size};" in source
    ops = (package.path / "tflm" / "model_ops.h").read_text()
    assert "Resolver<1>" in ops and "AddEthosU" in ops
    assert self_test(package.path)[1]


ON_CPU = """
import sys
from ethosu.vela.vela import main
sys.exit(main([*sys.argv[1:], "--ignore-ops", "SUB"]))
"""


def test_an_operator_on_the_cpu_is_refused_unless_allowed(
    with_vela, shipped, tmp_path, stand_in
):
    stand_in(ON_CPU)
    message = refusal(shipped, tmp_path)
    assert "1 operators stay on the CPU (SUB)" in message and "--allow-cpu" in message
    package = write_package(shipped, tmp_path / "package", 0.1, TARGET, allow_cpu=True)
    assert package.estimate.cpu_operators == 1
    ops = (package.path / "tflm" / "model_ops.h").read_text()
    assert "AddSub" in ops and "AddEthosU" in ops


def test_a_traceback_becomes_one_line(shipped, tmp_path, stand_in):
    stand_in("def f():\n    raise RuntimeError('Compilation failed: no')\nf()\n")
    message = refusal(shipped, tmp_path)
    assert message.endswith(f"for {TARGET}: RuntimeError: Compilation failed: no")


def test_a_vela_that_does_not_end_is_ended(shipped, tmp_path, stand_in, monkeypatch):
    monkeypatch.setattr(vela, "MOST_SECONDS", 0.5)
    stand_in("import time\ntime.sleep(60)\n")
    assert "in 0.5 s and was ended" in refusal(shipped, tmp_path)


def test_a_vela_that_writes_nothing_is_refused(shipped, tmp_path, stand_in):
    stand_in("print('CPU operators = 0')\n")
    assert "cannot be read" in refusal(shipped, tmp_path)


def test_without_vela_a_line_says_how_to_install_it(shipped, tmp_path, monkeypatch):
    monkeypatch.setattr(vela.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'fqss-tf[mcu]'" in refusal(shipped, tmp_path)
