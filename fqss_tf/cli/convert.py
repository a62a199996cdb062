"""``fqss-tf convert``: a run folder or a recipe to a .tflite that was run and compared first."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from fqss_tf.cli.options import FiniteRange
from fqss_tf.cli.standard_streams import show
from fqss_tf.formats import FILE_TYPES
from fqss_tf.micro.npus import SYSTEMS

if TYPE_CHECKING:
    from fqss_tf.export.conversion import Conversion
    from fqss_tf.micro.package import Package

MICRO = "micro"
SUFFIX = ".tflite"
# Options that mean nothing for a file that is converted already.
OF_CONVERSION = ("file_type", "ptq", "planes", "calibrate", "seconds", "least_sqnr")

@click.command()
@click.argument("run", type=click.Path(), required=False)
@click.option("--recipe", help="Instead of RUN: convert the network of this recipe with random "
              "weights, to know its size and speed before training.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE",
              help="With --recipe: change a key, such as model.norm=batch; may be repeated.")
@click.option("--output", required=True, type=click.Path(),
              help="The .tflite file; with --target, the folder.")
@click.option("--type", "file_type", default="int8", show_default=True,
              type=click.Choice(FILE_TYPES),
              help="int8: integers only, also in and out; float32: as trained; float16: weights "
              "stored in 16 bits; dynamic: weights in 8 bits, the rest float; int16x8: "
              "activations in 16 bits, weights in 8.")
@click.option("--ptq", is_flag=True,
              help="Make int8 of a float run without training: measure the ranges "
              "(post-training quantization).")
@click.option("--planes", type=click.IntRange(1, 2), default=1, show_default=True,
              help="With --ptq: into how many 8-bit tensors input and output are split; 2 keeps 16 "
              "bits.")
@click.option("--calibrate", type=click.Path(file_okay=False), metavar="DIR",
              help="With --ptq: measure the ranges on this folder of recordings or data set; "
              "default: the training mixtures of the recipe.")
@click.option("--stream", is_flag=True,
              help="Make a streaming model of a causal network, for separate --stream and "
              "--microphone.")
@click.option("--target", type=click.Choice((MICRO, *SYSTEMS)),
              help="With --stream: write a folder for a firmware instead, with the model as plain "
              "C and for TFLite Micro. RUN may then be a streaming .tflite as well, or the name of "
              "one that ships. ethos-u...: also compiled for this NPU by Arm's Vela, with its "
              "estimates.")
@click.option("--allow-cpu", is_flag=True,
              help="With an ethos-u target: accept operators that stay on the CPU.")
@click.option("--seconds", type=FiniteRange(min=0, min_open=True),
              help="Length of the segment that the file takes; default: as in training, and "
              "0.016 for a streaming model.")
@click.option("--least-sqnr", type=float,
              help="Least SQNR in dB of the file against its Keras model; a file below it is not "
              "written. Default for int8: 30.")
@click.option("--json", "as_json", is_flag=True, help="Print the description of the file as JSON.")
def command(
    run: str | None,
    recipe: str | None,
    settings: tuple[str, ...],
    output: str,
    file_type: str,
    ptq: bool,
    planes: int,
    calibrate: str | None,
    stream: bool,
    target: str | None,
    allow_cpu: bool,
    seconds: float | None,
    least_sqnr: float | None,
    as_json: bool,
) -> None:
    """Convert RUN to a .tflite file, and check that the file computes what its Keras model does.

    RUN is a run folder that fqss-tf train or fqss-tf import made. Without --type and --ptq it must
    be trained in 8 bits. How much quality 8 bits cost, fqss-tf evaluate tells.
    """
    if (run is None) == (recipe is None):
        raise click.UsageError("give either a run folder or --recipe")
    if settings and recipe is None:
        raise click.UsageError("--set goes with --recipe: a run has its own recipe")
    npu = target if target in SYSTEMS else None
    if allow_cpu and npu is None:
        raise click.UsageError("--allow-cpu goes with --target ethos-u...")
    if npu:
        from fqss_tf.micro.vela import check_installed

        check_installed(npu)
    if target:
        from fqss_tf.files import check_new_folder

        check_new_folder(output)
    if target and run and _is_file(run):
        _check_no_conversion(run)
        _show_package(_packaged(run, output, npu, allow_cpu), as_json)
        return
    if target and not stream:
        raise click.UsageError(f"--target {target} goes with --stream: it takes sound step by step")
    from fqss_tf.config import load_recipe

    resolved = load_recipe(recipe, settings) if recipe else None
    from fqss_tf.export.convert import convert
    from fqss_tf.runs.run import Run
    from fqss_tf.runs.untrained import UntrainedRun

    source = Run(cast(str, run)) if resolved is None else UntrainedRun(resolved)

    def converted(path: str) -> "Conversion":
        return convert(
            source, path, file_type, ptq=ptq, seconds=seconds, least_sqnr=least_sqnr,
            stream=stream, planes=planes, calibration=calibrate,
        )

    if target:
        with tempfile.TemporaryDirectory() as folder:
            made = converted(f"{folder}/model{SUFFIX}")
            _show_package(_packaged(made.path, output, npu, allow_cpu), as_json)
        return
    if Path(output).is_dir():
        raise click.UsageError(f"--output {output} is a folder: give the name of a file")
    made = converted(output)
    if as_json:
        show(json.dumps(made.to_dict()))
        return
    show(f"{output}: {made.file_bytes} bytes, {file_type}, method {made.metadata.method}")
    if stream:
        show(f"  algorithmic latency {made.metadata.latency} samples, "
             f"{made.latency_ms:g} ms; {len(made.states)} states, {made.state_bytes} bytes")
    for kernels, parity in made.parity.items():
        show(f"  {kernels} kernels against Keras: SQNR {parity.sqnr_db:.1f} dB, "
             f"SI-SDR {parity.si_sdr_difference_db:+.4f} dB")


def _check_no_conversion(run: str) -> None:
    """Checks that no option was given that a file, which is converted already, cannot follow."""
    context = click.get_current_context()
    for option in context.command.params:
        source = context.get_parameter_source(str(option.name))
        if option.name in OF_CONVERSION and source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} goes with a run: {run} is converted already")


def _is_file(run: str) -> bool:
    """Whether it is a .tflite, of the user or one that ships, instead of a run folder."""
    from fqss_tf.tflite.shipped import is_shipped

    return run.endswith(SUFFIX) or is_shipped(run)


def _packaged(
    path: str | Path, output: str, npu: str | None, allow_cpu: bool
) -> "Package":
    from fqss_tf.micro.package import write_package
    from fqss_tf.tflite.file import TfliteFile

    return write_package(TfliteFile.open(path), output, npu=npu, allow_cpu=allow_cpu)


def _show_package(package: "Package", as_json: bool) -> None:
    if as_json:
        show(json.dumps(package.to_dict()))
        return
    program, arena = package.program, package.arena
    show(f"{package.path}: {program.constant_bytes} bytes of constants, {program.arena_bytes} "
         f"bytes of memory, {program.macs} multiply-accumulates a step in plain C")
    show(f"  model.tflite: {package.file_bytes} bytes, of {package.original_bytes}")
    if arena is None:
        from fqss_tf.micro.tflm_check import INSTALL

        show(f"  not run in TFLite Micro, which is not installed: {INSTALL}")
    else:
        show(f"  TFLite Micro: 0 values of {package.golden_steps} steps differ from the reference "
             f"kernels; arena {arena.total} bytes, {arena.head} shared and {arena.tail} kept")
    if package.estimate:
        show(f"  {package.estimate}")
