"""A network of music, trained on MIR-1K, in float and in integers. Makes docs/results/music.md.

    python benchmarks/music.py RECIPE --songs DIR --output OUT [--float-steps N] [--steps N]

RECIPE is ``music-convtasnet-mobile`` or ``htdemucs-mobile``: two stems at 16 kHz here. DIR holds
the clips of MIR-1K (``Wavfile``). Trains the float network on 9 singers, and makes ``float32``,
``ptq``, ``qat`` and ``fqss`` .tflite files in OUT, or takes those that are there: after an
interruption the same command goes on. Singers that are scored are not trained on.
"""

import argparse

from mir1k import STEMS, add_arguments, divided, make_files, report, scored, write_parts

from fqss_tf import Run
from fqss_tf.config import Recipe, load_recipe

RATE = 16000
TRAINED_CLIPS = 1000  # all of the singers
SETTINGS = (
    f"model.sources={len(STEMS)}", f"data.sources=[{','.join(STEMS)}]",
    f"data.sample_rate={RATE}", "data.segment_seconds=3", "data.dynamic_fraction=0.5",
    "float.batch_size=8", "float.learning_rate=2e-3", "float.schedule=cosine",
    "float.evaluate_every=200", "qat.batch_size=4", "qat.evaluate_every=25",
)
SECONDS = 12  # of a segment of a file: most clips are shorter


def main() -> None:
    from fqss_tf.training.stages import train

    options = _arguments()
    output = options.output
    output.mkdir(parents=True, exist_ok=True)
    parts = divided(sorted(options.songs.glob("*.wav")), options.clips, TRAINED_CLIPS)
    write_parts(output / "data", parts, RATE)
    given = (f"data.datasets=[{output / 'data'}]", *SETTINGS, *options.set)

    def recipe(float_steps: int, steps: int) -> Recipe:
        steps_of_both = f"float.steps={float_steps}", f"qat.steps={steps}"
        return load_recipe(options.recipe, (*given, *steps_of_both))

    teacher = train(
        recipe(options.float_steps, 0), output / "float",
        resume=(output / "float" / "run.json").exists(),
    )

    def trained(method: str) -> Run:
        return train(
            recipe(0, options.steps), output / method, method=method, teacher=teacher,
            resume=(output / method / "run.json").exists(),
        )

    files = make_files(output, options.only, teacher, SECONDS, trained)
    steps = {"float_steps": options.float_steps, "steps": options.steps}
    report(scored(files, parts["test"], RATE) | steps, output)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("recipe", help="music-convtasnet-mobile or htdemucs-mobile")
    add_arguments(parser)
    add("--float-steps", type=int, default=2400, help="of the float network")
    add("--steps", type=int, default=100, help="of training in 8 bits, for QAT and for FQSS")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="other recipe settings")
    return parser.parse_args()


if __name__ == "__main__":
    main()
