import os
import stat

import pytest
from idle_subject import IdleSubject

from fqss_tf.benchmark.phone import BINARY, MODEL, Phone, parse
from fqss_tf.benchmark.subjects import tflite_subject
from fqss_tf.errors import FqssError

# As tflite/tools/benchmark prints it.
OUTPUT = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Graph: [/data/local/tmp/fqss_benchmark.tflite]
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
INFO: Running benchmark for at least 3 iterations and at least 0 seconds but terminate if exceeding
INFO: count=3 first=9000 curr=8100 min=8100 max=9000 avg=8400 std=420 p5=8100 median=8200 p95=9000

INFO: Running benchmark for at least 7 iterations and at least 0 seconds but terminate if exceeding
INFO: count=7 first=4100 curr=4050 min=3900 max=5200 avg=4250.5 std=390 p5=3900 median=4050 p95=5200

INFO: Inference timings in us: Init: 12345, First inference: 9000, Warmup (avg): 8400, \
Inference (avg): 4250.5
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE
INFO: Memory footprint delta from the start of the tool (MB): init=3.5 overall=6.25
"""
OLD_OUTPUT = """\
count=7 first=4100 curr=4050 min=3900 max=5200 avg=1.2505e+06 std=390

Inference timings in us: Init: 12345, First inference: 9000, Warmup (avg): 8400, \
Inference (avg): 1.2505e+06
"""
FAKE_ADB = """\
#!/bin/sh
printf '%s\\n' "$*" >> "{log}"
case "$1 $2" in
"devices ") printf 'List of devices attached\\n{devices}\\n' ;;
"push "*) test -f "$2" || exit 1 ;;
"shell getprop") echo "Pixel 9" ;;
"shell {binary}") cat "{output}"; exit {code} ;;
esac
"""
SUBJECT = IdleSubject(name="a run", runtime="LiteRT", seconds=0.5)


@pytest.fixture
def adb(tmp_path, monkeypatch):
    """Puts an adb on PATH that has the given devices and whose tool prints the given text."""
    log = tmp_path / "log"
    log.touch()

    def install(devices="R58 device", output=OUTPUT, code=0):
        printed = tmp_path / "output"
        printed.write_text(output)
        script = tmp_path / "bin" / "adb"
        script.parent.mkdir(exist_ok=True)
        script.write_text(FAKE_ADB.format(
            log=log, devices=devices.replace(" ", "\\t"), binary=BINARY, output=printed, code=code
        ))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
        return log

    return install


@pytest.fixture
def binary(tmp_path):
    path = tmp_path / "benchmark_model"
    path.touch()
    return path


def test_numbers_of_the_timed_runs_not_of_the_warm_up():
    found = parse(OUTPUT, SUBJECT, 4)
    assert (found.init, found.average) == (12.345, 4.2505)
    assert (found.least, found.median, found.p95) == (3.9, 4.05, 5.2)
    assert found.memory_bytes == 6.25 * 2**20
    assert found.threads == 4
    assert found.real_time_factor == pytest.approx(0.0042505 / 0.5)


def test_an_older_tool_prints_fewer_numbers():
    found = parse(OLD_OUTPUT, SUBJECT, 1)
    assert found.average == 1250.5
    assert found.least == 3.9
    assert found.median is found.p95 is found.memory_bytes is None


def test_no_timings_is_an_error_with_what_the_tool_said_last():
    with pytest.raises(FqssError, match="no timings of a run: ERROR: Failed to apply delegate"):
        parse("INFO: STARTING!\nERROR: Failed to apply delegate\n\n", SUBJECT, 1)


def test_model_and_tool_are_pushed_run_and_removed(adb, binary, tiny_tflite):
    log = adb()
    phone = Phone(binary)
    assert phone.name == "Pixel 9"
    done = []
    subjects = [tflite_subject(tiny_tflite), tflite_subject(tiny_tflite, "again")]
    found = phone.measure(subjects, [1, 4], 7, lambda *now: done.append(now))
    assert [(one.subject.name, one.threads) for one in found] == [
        (str(tiny_tflite), 1), ("again", 1), (str(tiny_tflite), 4), ("again", 4)
    ]
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    calls = log.read_text().splitlines()
    assert calls.count(f"push {tiny_tflite} {MODEL}") == 4
    assert calls.index(f"push {binary} {BINARY}") < calls.index(f"push {tiny_tflite} {MODEL}")
    runs = [call for call in calls if call.startswith(f"shell {BINARY} ")]
    assert all(f"--num_threads={n} " in run for run, n in zip(runs, "1144", strict=True))
    assert all(f"--graph={MODEL} " in run and "--num_runs=7 " in run for run in runs)
    assert calls[-1] == f"shell rm -f {BINARY} {MODEL}"


def test_a_tool_that_fails_leaves_nothing_on_the_phone(adb, binary, tiny_tflite):
    log = adb(output="ERROR: Failed to initialize XNNPACK\n", code=1)
    with pytest.raises(FqssError, match="adb shell fails: ERROR: Failed to initialize XNNPACK"):
        Phone(binary).measure([tflite_subject(tiny_tflite)], [1], 7)
    assert log.read_text().splitlines()[-1].startswith("shell rm -f")


def test_a_phone_runs_tflite_files_only(adb, binary, tiny_tflite):
    log = adb()
    subjects = [tflite_subject(tiny_tflite), SUBJECT]
    with pytest.raises(FqssError, match="a run is no .tflite: a phone runs no other kind"):
        Phone(binary).measure(subjects, [1], 7)
    assert "push" not in log.read_text()


@pytest.mark.parametrize(
    "devices, count", [("", 0), ("R58 unauthorized", 0), ("R58 device\\nR59 device", 2)]
)
def test_one_device_there_must_be(adb, binary, devices, count):
    adb(devices)
    with pytest.raises(FqssError, match=f"adb sees {count} devices, not 1"):
        Phone(binary)


@pytest.mark.parametrize("name", [None, "missing"])
def test_the_binary_must_be_given(adb, tmp_path, name):
    adb()
    with pytest.raises(FqssError, match="no benchmark_model at .*--benchmark-model"):
        Phone(name and tmp_path / name)


def test_without_adb(monkeypatch, tmp_path, binary):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FqssError, match="adb is not on PATH"):
        Phone(binary)
