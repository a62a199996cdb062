"""The level of a stream in C, against that of the streaming runtime, bit for bit."""

import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from fqss_tf.micro.golden_level import changing_speech, level_stream
from fqss_tf.micro.package import write_package
from fqss_tf.runtime.level_envelope import StreamLevel
from fqss_tf.runtime.levelling import from_full_scale_int16, in_steps, to_full_scale_int16
from fqss_tf.runtime.streaming import StreamingSeparator

FOLDER = Path(__file__).parent
SOURCES = 2
# (rate, step, delay): those of models; odd ones; a delay of several steps; none.
SIZES = [
    (16000, 256, 64), (8000, 128, 32), (16000, 160, 0), (44100, 333, 1000), (8000, 7, 20),
    (1000, 600, 5), (16000, 32767, 3),
]  # fmt: skip


def compiled(compiler, folder, sources, options):
    command = [compiler, "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", *options]
    subprocess.run([*command, *sources, "-o", folder / "test"], check=True)

    def run(given=b""):
        return subprocess.run(
            [folder / "test"], input=given, stdout=subprocess.PIPE, check=True
        ).stdout

    return run


@pytest.fixture
def in_c(compiler, tmp_path):
    """Function (rate, step, delay, change of level.c) -> function of samples."""

    def of(rate, step, delay, change=lambda source: source):
        c = resources.files("fqss_tf.micro") / "c"
        (tmp_path / "level.c").write_text(change((c / "level.c").read_text()))
        (tmp_path / "level.h").write_text((c / "level.h").read_text())
        (tmp_path / "model.h").write_text(
            f"#define FQSS_SAMPLE_RATE {rate}\n#define FQSS_STEP {step}\n"
            f"#define FQSS_SOURCES {SOURCES}\n#define FQSS_DELAY {delay}\n"
        )
        sources = [FOLDER / "level.c", tmp_path / "level.c"]
        run = compiled(compiler, tmp_path, sources, [f"-I{tmp_path}"])
        shape = -1, 1 + SOURCES, step
        return lambda samples: np.frombuffer(run(samples.tobytes()), np.int16).reshape(shape)

    return of


def expected(samples, rate, step, delay):
    """[steps, full scale and estimates, step] by the runtime; levels before the stream are 0."""
    levels_of = StreamLevel(rate / step)
    levels, found = np.zeros(delay), []
    for piece in samples.reshape(-1, step):
        centered, of_piece = levels_of(in_steps(piece))
        levels = np.concatenate([levels, of_piece])
        heard = to_full_scale_int16(centered, of_piece)
        found.append([heard, *[from_full_scale_int16(heard, levels[:step])] * SOURCES])
        levels = levels[step:]
    return np.array(found)


def noise(steps, step):
    """Passages of any level and offset, some silent, some at the ends of 16 bits."""
    rng = np.random.default_rng(steps)
    passages = []
    while sum(map(len, passages)) < steps * step:
        scale, offset = 10 ** rng.uniform(-1, 5), rng.normal() * 10 ** rng.uniform(0, 4.5)
        length = rng.integers(1, 30 * step)
        passages.append(rng.normal(size=length) * scale * rng.integers(0, 3) + offset)
    samples = np.round(np.concatenate(passages)[: steps * step])
    return np.clip(samples, -(2**15), 2**15 - 1).astype(np.int16)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_it_gives_the_samples_of_the_runtime(sizes, in_c):
    rate, step, _ = sizes
    samples = noise(3 * rate // step + 50, step)
    right = expected(samples, *sizes)
    assert len(np.unique(right[:, 0])) > min(1000, right[:, 0].size // 50)
    assert np.array_equal(in_c(*sizes)(samples), right)


@pytest.mark.parametrize("value", [-(2**15), -1, 0, 1, 2**15 - 1])
def test_it_survives_the_ends_of_16_bits(value, in_c):
    sizes = 8000, 128, 32
    samples = np.full(70 * 128, value, np.int16)
    samples[40 * 128 :] = -1 - value
    samples[60 * 128 :: 2] = value
    assert np.array_equal(in_c(*sizes)(samples), expected(samples, *sizes))


@pytest.mark.parametrize("right, wrong", [
    ("LOUDER_STEPS = 2", "LOUDER_STEPS = 1"),
    ("LEAST_LEVEL = 32", "LEAST_LEVEL = 31"),
    ("sorted[steps / 2]", "sorted[(steps - 1) / 2]"),
    ("x / y - (x % y < 0)", "x / y"),
    ("+ FULL_SCALE / 2) >> 15", ") >> 15"),
    ("if (first < level->level)", "if (0)"),
    ("if (level->level < peak)", "if (0)"),
    ("sorted[i] != window->numbers", "0 * sorted[i] != 0 * window->numbers"),
])
def test_every_part_of_the_rule_is_needed_for_the_golden_stream(right, wrong, in_c, shipped):
    def changed(source):
        assert source.count(right) == 1
        return source.replace(right, wrong)

    metadata = shipped.metadata
    golden = level_stream(metadata)
    sizes = metadata.sample_rate, metadata.segment, metadata.algorithmic_delay

    def is_right(change):
        heard, *estimates = in_c(*sizes, change)(golden.sound).transpose(1, 0, 2)
        return np.array_equal(heard.ravel(), golden.mixture) and all(
            np.array_equal(estimate.ravel(), golden.estimate) for estimate in estimates
        )

    assert is_right(lambda source: source)
    assert not is_right(changed)


@pytest.fixture(scope="module")
def package(shipped, tmp_path_factory):
    return write_package(shipped, tmp_path_factory.mktemp("packages") / "shipped", 0.1).path


def test_around_the_model_it_gives_what_separate_gives(shipped, package, compiler, tmp_path):
    run = compiled(
        compiler, tmp_path, [FOLDER / "stream.c", package / "level.c", package / "model.c"],
        [f"-I{package}"],
    )
    metadata = shipped.metadata
    sound = changing_speech(metadata)
    found = np.frombuffer(run(sound.tobytes()), np.int16).reshape(-1, 2, metadata.segment)
    found = found.transpose(1, 0, 2).reshape(2, -1)
    with StreamingSeparator(shipped, reference_kernels=True) as separator:
        estimates = np.array(list(separator.push(sound).values()))
    assert np.abs(estimates).max() > 10000
    assert np.array_equal(found[:, metadata.algorithmic_delay :], estimates)


def test_the_readme_tells_its_memory(package, compiler, tmp_path):
    (tmp_path / "size.c").write_text(
        '#include <stdio.h>\n#include "level.h"\n'
        'int main(void) { return printf("%d", (int)sizeof(struct fqss_level)) < 0; }\n'
    )
    run = compiled(compiler, tmp_path, [tmp_path / "size.c"], [f"-I{package}"])
    assert f"| memory of the level | {run().decode()} bytes" in (package / "README.md").read_text()


def test_it_goes_with_tflm_in_one_program(package, tmp_path):
    (tmp_path / "both.cc").write_text(
        '#include "level.h"\n#include "tflm/model_tensors.h"\n'
        "int main() { fqss_level_reset(nullptr); return kFqssMixture.bytes; }\n"
    )
    command = ["c++", "-std=c++17", "-Wall", "-Werror", f"-I{package}", "-c", "both.cc"]
    subprocess.run(command, cwd=tmp_path, check=True)
