import pytest

from fqss_tf.benchmark import machine
from fqss_tf.benchmark.results import machine_line

X86 = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 amx_int8 avx512f avx512_vnni x\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n"


@pytest.mark.parametrize(
    "content, flags",
    [
        (X86, ["avx2", "avx512f", "avx512_vnni", "amx_int8"]),
        (ARM, ["asimddp", "i8mm"]),
        ("model name : old\n", []),
    ],
)
def test_flags_are_those_that_kernels_are_chosen_by(content, flags, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(content)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    assert machine.cpu_flags() == machine.describe()["flags"] == flags


def test_a_system_that_does_not_say_has_no_flags(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    assert machine.cpu_flags() == []
    assert machine.describe()["cpu"]


def test_flags_stand_behind_the_name():
    values = {"cpu": "Some CPU", "flags": ["avx2", "avx_vnni"], "cores": 2, "load": 0.5}
    assert machine_line(values) == "Some CPU (avx2 avx_vnni), 2 cores, load average before 0.5"
    assert machine_line(values | {"flags": []}) == "Some CPU, 2 cores, load average before 0.5"
