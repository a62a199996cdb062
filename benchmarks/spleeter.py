"""Spleeter's 2-stem network in float and in integers, on MIR-1K. Makes docs/results/music.md.

    python benchmarks/spleeter.py CHECKPOINT --songs DIR --output OUT [--clips N] [--steps N]

CHECKPOINT is the folder of the published TensorFlow checkpoint, with ``model.index``. DIR holds the
clips of MIR-1K (``Wavfile``). Makes a data set, runs, and ``float32``, ``ptq``, ``qat`` and
``fqss`` .tflite files in OUT, or takes those that are there: after an interruption the same command
goes on. Singers that are scored are not trained on, nor are ranges measured on them.
"""

import argparse
from pathlib import Path

from mir1k import add_arguments, divided, make_files, report, scored, write_parts

from fqss_tf import Run
from fqss_tf.importing.importer import import_checkpoint

RATE = 44100
TRAINED_CLIPS = 160
SETTINGS = (
    "data.segment_seconds=3", "data.dynamic_fraction=0", "qat.learning_rate=3e-4",
    "qat.evaluate_every=25",
)
SECONDS = 11.9  # of a segment of a file


def main() -> None:
    from fqss_tf.config import with_settings
    from fqss_tf.training.stages import train

    options = _arguments()
    output = options.output
    output.mkdir(parents=True, exist_ok=True)
    parts = divided(sorted(options.songs.glob("*.wav")), options.clips, TRAINED_CLIPS)
    write_parts(output / "data", parts, RATE)
    settings = (
        f"data.datasets=[{output / 'data'}]", f"qat.steps={options.steps}", *SETTINGS,
    )
    if not (output / "float").exists():
        import_checkpoint(options.checkpoint, output / "float", settings=settings)
    teacher = Run(output / "float")

    def trained(method: str) -> Run:
        return train(
            with_settings(teacher.recipe, settings), output / method, method=method,
            teacher=teacher, resume=(output / method / "run.json").exists(),
        )

    files = make_files(output, options.only, teacher, SECONDS, trained)
    report(scored(files, parts["test"], RATE) | {"steps": options.steps}, output)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path, help="folder of Spleeter's 2-stem checkpoint")
    add_arguments(parser)
    parser.add_argument("--steps", type=int, default=50, help="of training, for QAT and for FQSS")
    return parser.parse_args()


if __name__ == "__main__":
    main()
