"""The whole way on the bundled audio: teacher, FQSS, vanilla QAT, integers, scores, a page."""

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from fqss_tf import audio
from fqss_tf.config import load_recipe
from fqss_tf.data.bundled import BUNDLED_RATE
from fqss_tf.errors import FqssError
from fqss_tf.evaluation import ModelScore, evaluate, load_mixtures, snr_sweep
from fqss_tf.export.conversion import Conversion
from fqss_tf.export.convert import convert
from fqss_tf.files import atomic_path
from fqss_tf.importing.teacher import float_source
from fqss_tf.progress import bar
from fqss_tf.report.page import write_report
from fqss_tf.report.plots import spectrogram
from fqss_tf.runs.shipped import ShippedRun
from fqss_tf.runtime import Separator
from fqss_tf.runtime.samples import to_float
from fqss_tf.tflite import TfliteFile
from fqss_tf.training.stages import train
from fqss_tf.types import Json, PathLike, Waveform

logger = logging.getLogger(__name__)
# By name, in the order of MODELS.
OpenFiles: TypeAlias = Mapping[str, TfliteFile]


class Model(NamedTuple):
    """One of the models that are compared; ``ptq``: it is quantized after training."""

    file: str
    method: str
    file_type: str
    ptq: bool


MODELS = (
    Model("float.tflite", "float", "float32", False),
    Model("ptq_int8.tflite", "ptq", "int8", True),
    Model("qat_int8.tflite", "qat", "int8", False),
    Model("fqss_int8.tflite", "fqss", "int8", False),
)
# The model that ships whose float network is trained in 8 bits.
TEACHER = "voice-micro"
EXAMPLE_SNR_DB = (0, 10, 20)
BASELINE_SQNR = 20.0


def quickstart(
    output: PathLike,
    from_scratch: bool = False,
    teacher: PathLike | None = None,
    settings: Sequence[str] = (),
) -> dict[str, list[Json]]:
    """Trains, converts, scores and reports; everything lands in ``output``.

    Args:
        output: folder, new or empty.
        from_scratch: train the float teacher too instead of taking the one that ships.
        teacher: folder of a run, checkpoint or model that ships, whose float model to take.
        settings: ``key=value`` changes of the quickstart recipe.

    Returns:
        A dict with ``results`` and ``sweep``, the content of results.json and sweep.json.

    Raises:
        FqssError: ``output`` is in use, or a step failed.
    """
    output = Path(output)
    if output.exists() and any(output.iterdir()):
        raise FqssError(f"{output} is not empty: choose another --output")
    recipe = load_recipe("quickstart", settings)
    if recipe.data.sample_rate != BUNDLED_RATE:
        raise FqssError(
            f"quickstart scores on the bundled audio: leave data.sample_rate at {BUNDLED_RATE}"
        )
    if from_scratch and teacher:
        raise FqssError("--from-scratch trains a teacher: leave --teacher out")
    if from_scratch:
        float_only = dataclasses.replace(recipe, qat=dataclasses.replace(recipe.qat, steps=0))
        teacher = train(float_only, output / "runs" / "float").folder
    # Whatever lies in the folder where it is called.
    start = ShippedRun(TEACHER) if teacher is None else float_source(teacher)
    runs = {
        method: train(recipe, output / "runs" / method, method, start)
        for method in ("qat", "fqss")
    }
    runs["float"] = runs["ptq"] = runs["qat"]
    conversions = {}
    for model in MODELS:
        logger.info("converting %s", model.file)
        # The baselines are kept to be scored even where they are below what convert demands.
        least = BASELINE_SQNR if model.method in ("ptq", "qat") else None
        conversions[model.file] = convert(
            runs[model.method], output / model.file, model.file_type, ptq=model.ptq,
            least_sqnr=least,
        )
    files = {model.file: TfliteFile.open(output / model.file) for model in MODELS}
    kept_steps = {method: runs[method].files.kept_step("qat") for method in ("qat", "fqss")}
    scores = _scores(files)
    results = _results(scores, conversions, kept_steps)
    sweep = _sweep(scores)
    for name, rows in (("results.json", results), ("sweep.json", sweep)):
        with atomic_path(output / name) as temporary:
            temporary.write_text(json.dumps(rows, indent=1))
    examples = _examples(output, files)
    write_report(results, sweep, examples, output)
    return {"results": results, "sweep": sweep}


def _scores(files: OpenFiles) -> list[ModelScore]:
    mixtures, rate = load_mixtures("bundled")
    with bar("scoring", len(files) * len(mixtures)) as shown:
        return evaluate(
            list(files.values()), mixtures, progress=lambda done, total: shown.update(1), rate=rate
        )


def _results(
    scores: Sequence[ModelScore], conversions: Mapping[str, Conversion],
    kept_steps: Mapping[str, int],
) -> list[Json]:
    reference = scores[0].si_sdr
    return [
        {
            "model": model.file,
            "type": model.file_type,
            "method": model.method,
            "si_sdr": score.si_sdr,
            "si_sdri": score.si_sdri,
            "drop": reference - score.si_sdr,
            "sqnr": conversions[model.file].parity["reference"].sqnr_db,
            "kept_step": kept_steps.get(model.method),
            "bytes": conversions[model.file].file_bytes,
            "real_time_factor": score.real_time_factor,
        }
        for model, score in zip(MODELS, scores, strict=True)
    ]


def _sweep(scores: Sequence[ModelScore]) -> list[Json]:
    references = snr_sweep(scores[0])
    return [
        {"method": model.method, **row, "drop": reference["si_sdri"] - row["si_sdri"]}
        for model, score in zip(MODELS, scores, strict=True)
        for reference, row in zip(references, snr_sweep(score), strict=True)
    ]


def _examples(output: Path, files: OpenFiles) -> list[Json]:
    """Separated audio of the float and the FQSS model, beside mixture and true sources."""
    mixtures, rate = load_mixtures("bundled")
    folder = output / "audio"
    folder.mkdir(exist_ok=True)
    separators = {
        model.method: Separator(files[model.file])
        for model in MODELS
        if model.method in ("float", "fqss")
    }
    names = separators["float"].metadata.sources
    examples = []
    for number, snr in enumerate(EXAMPLE_SNR_DB):
        at_snr = [each for each in mixtures if each[1] == snr]
        mixture_id, _, mixture, sources = at_snr[number % len(at_snr)]
        clips: list[tuple[str, Waveform]] = [("mixture", mixture)]
        clips += [(f"true {name}", source) for name, source in zip(names, sources, strict=True)]
        for method, separator in separators.items():
            estimates = separator(mixture, rate)
            clips += [
                (f"{method} {name}", to_float(estimate)) for name, estimate in estimates.items()
            ]
        items = []
        for label, waveform in clips:
            stem = f"{mixture_id}_{label}".replace(" ", "_")
            audio.write(folder / f"{stem}.wav", waveform, rate)
            spectrogram(waveform, rate, folder / f"{stem}.png", label)
            items.append({"label": label, "path": folder / f"{stem}.wav",
                          "spectrogram": folder / f"{stem}.png"})
        title = f"Test mixture {mixture_id}: the voice {snr} dB above the background"
        examples.append({"title": title, "items": items})
    return examples


def table(results: Sequence[Json]) -> str:
    """Returns the results, rows of results.json, as aligned text."""
    lines = [f"{'model':18}{'SI-SDR':>9}{'SI-SDRi':>9}{'drop':>8}{'SQNR':>8}{'bytes':>10}"
             f"{'RTF':>8}"]
    for row in results:
        lines.append(
            f"{row['model']:18}{row['si_sdr']:9.2f}{row['si_sdri']:9.2f}{row['drop']:8.2f}"
            f"{row['sqnr']:8.1f}{row['bytes']:10d}{row['real_time_factor']:8.4f}"
        )
    return "\n".join(lines)
