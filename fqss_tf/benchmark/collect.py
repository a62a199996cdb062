"""From what the user names to what is timed: files, runs, and recipes converted for the purpose."""

import dataclasses
import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

from fqss_tf.benchmark.onnx_subject import check_installed, onnx_subject
from fqss_tf.benchmark.subjects import Subject, TorchSubject, run_subject, tflite_subject
from fqss_tf.config import Recipe, load_recipe, packaged_recipes
from fqss_tf.errors import FqssError
from fqss_tf.models.registry import names_of, network_of
from fqss_tf.runtime.metadata import FILE_IDENTIFIER
from fqss_tf.types import OnProgress, PathLike

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class RecipeOptions:
    """What recipes are timed as.

    ``seconds``: of audio in a segment; ``types``: of conversion; ``naive``: also the plain
    conversions; ``torch``: also PyTorch; ``settings``: ``key=value``.
    """

    types: tuple[str, ...] = ("int8",)
    seconds: float = 1.0
    naive: bool = False
    torch: bool = False
    settings: tuple[str, ...] = ()


def is_recipe(name: PathLike) -> bool:
    """Says whether a model is named that must be built from a recipe first."""
    path = Path(name)
    if name in packaged_recipes():
        return True
    return not path.is_dir() and path.suffix != ".tflite" and not _is_tflite(path)


def collect(
    names: Sequence[PathLike],
    options: RecipeOptions,
    folder: PathLike,
    progress: OnProgress | None = None,
    onnx_files: Sequence[PathLike] = (),
) -> list[Subject]:
    """Opens or makes everything that is to be timed.

    Args:
        names: .tflite files, run folders, recipes by name or path, in any mix.
        options: RecipeOptions.
        folder: existing one, for the files made from recipes; must outlive the subjects.
        progress: called as ``progress(done, total)`` after each name.
        onnx_files: ONNX models, which come last and take the segment of the first subject.

    Returns:
        List of subjects: one per file or run, several per recipe, in the order of the names. A
        type that a recipe cannot have is left out, and said so on stderr, if another one remains.

    Raises:
        FqssError: a model that is missing or unusable, or PyTorch or onnxruntime is missing.
    """
    if options.torch and importlib.util.find_spec("torch") is None:
        raise FqssError("--torch needs PyTorch, which is missing: pip install torch")
    # Mistakes show before minutes of conversion.
    if onnx_files:
        check_installed()
    recipes = {name: _recipe(name, options.settings) for name in names if is_recipe(name)}
    opened = {
        name: run_subject(name) if Path(name).is_dir() else tflite_subject(name, scored=True)
        for name in names if name not in recipes
    }
    subjects: list[Subject] = []
    for done, name in enumerate(names, 1):
        if name in recipes:
            target = Path(folder) / str(done)
            target.mkdir()
            subjects += _from_recipe(name, recipes[name], options, target)
        else:
            subjects.append(opened[name])
        if progress is not None:
            progress(done, len(names))
    first = subjects[0]
    return [
        *subjects, *(onnx_subject(path, first.seconds, first.rate) for path in onnx_files)
    ]


def _recipe(name: PathLike, settings: Sequence[str]) -> Recipe:
    if name not in packaged_recipes() and not Path(name).is_file():
        raise FqssError(
            f"no model {name}: give a .tflite, a run folder, a recipe's YAML file or one of "
            f"{', '.join(packaged_recipes())}"
        )
    return load_recipe(name, settings)


def _is_tflite(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(8)[4:] == FILE_IDENTIFIER
    except OSError:
        return False


def _from_recipe(
    name: PathLike, recipe: Recipe, options: RecipeOptions, folder: Path
) -> list[Subject]:
    from fqss_tf.export.convert import convert
    from fqss_tf.runs.untrained import UntrainedRun

    if options.naive or options.torch:
        _check_plain(name, recipe)
    run = UntrainedRun(recipe)
    samples = recipe.segment(options.seconds)
    seconds = samples / recipe.data.sample_rate
    subjects: list[Subject] = []
    for file_type in options.types:
        path = folder / f"{file_type}.tflite"
        try:
            convert(run, path, file_type, seconds=options.seconds)
        except FqssError as error:
            if not subjects and file_type == options.types[-1]:
                raise
            logger.warning("left out: %s %s: %s", name, file_type, error)
            continue
        subjects.append(tflite_subject(path, f"{name} {file_type}"))
    if options.naive:
        from fqss_tf.export.reference_graph import REFERENCE_TYPES, convert_reference

        for file_type in REFERENCE_TYPES:
            path = folder / f"naive_{file_type}.tflite"
            path.write_bytes(convert_reference(run, samples, file_type))
            subjects.append(tflite_subject(path, f"{name} naive {file_type}", seconds))
    if options.torch:
        subjects.append(TorchSubject(
            name=f"{name} PyTorch float32", runtime="PyTorch", seconds=seconds,
            rate=recipe.data.sample_rate, config=recipe.model, samples=samples,
        ))
    return subjects


def _check_plain(name: PathLike, recipe: Recipe) -> None:
    """Refuses recipes of which there is no network as papers write it."""
    network = network_of(recipe.model)
    if network.plain is None:
        plain = names_of(lambda other: other.plain is not None)
        raise FqssError(f"--naive and --torch are for {plain}, and {name} is {recipe.network}")
    if network.streams(recipe.model):
        raise FqssError(f"--naive and --torch have no causal form, and {name} is causal")
