"""From what the user names to what is timed: files, runs, and recipes converted for the purpose."""

import dataclasses
import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from fqss_tf.benchmark.onnx_subject import check_installed, onnx_subject
from fqss_tf.benchmark.subjects import Subject, TorchSubject, run_subject, tflite_subject
from fqss_tf.config import Recipe, load_recipe, packaged_recipes
from fqss_tf.errors import FqssError
from fqss_tf.models.registry import names_of, network_of
from fqss_tf.tflite.file import FileLike, TfliteFile, open_model
from fqss_tf.tflite.flatbuffer import FILE_IDENTIFIER
from fqss_tf.tflite.shipped import is_shipped, list_models
from fqss_tf.types import OnProgress, PathLike

logger = logging.getLogger(__name__)
# A subject and its .tflite, if it has one.
SubjectAndFile: TypeAlias = tuple[Subject, TfliteFile | None]


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


@dataclasses.dataclass(frozen=True)
class Collected:
    """What is to be timed, and the open .tflite file of each subject that has one, by its name."""

    subjects: list[Subject]
    files: dict[str, TfliteFile]


def is_recipe(name: FileLike) -> bool:
    """Says whether a model is named that must be built from a recipe first."""
    if isinstance(name, TfliteFile):
        return False
    path = Path(name)
    if name in packaged_recipes():
        return True
    is_model = path.is_dir() or path.suffix == ".tflite" or is_shipped(path) or _is_tflite(path)
    return not is_model


def collect(
    names: Sequence[FileLike],
    options: RecipeOptions,
    folder: PathLike,
    progress: OnProgress | None = None,
    onnx_files: Sequence[PathLike] = (),
) -> Collected:
    """Opens or makes everything that is to be timed.

    Args:
        names: .tflite files, open already or by path, run folders, recipes by name or path, models
            that ship by name, in any mix. A name that is both is the recipe.
        options: RecipeOptions.
        folder: existing one, for the files made from recipes; must outlive the subjects.
        progress: called as ``progress(done, total)`` after each name.
        onnx_files: ONNX models, which come last and take the segment of the first subject.

    Returns:
        One subject per file or run, several per recipe, in the order of the names. A type that a
        recipe cannot have is left out, and said so on stderr, if another one remains.

    Raises:
        FqssError: a model that is missing or unusable, or PyTorch or onnxruntime is missing.
    """
    if options.torch and importlib.util.find_spec("torch") is None:
        raise FqssError("--torch needs PyTorch, which is missing: pip install torch")
    # Mistakes show before minutes of conversion.
    if onnx_files:
        check_installed()
    recipes = {
        name: _recipe(name, options.settings)
        for name in names if not isinstance(name, TfliteFile) and is_recipe(name)
    }
    opened = {name: _opened(open_model(name)) for name in names if name not in recipes}
    found: list[SubjectAndFile] = []
    for done, name in enumerate(names, 1):
        if name in recipes:
            target = Path(folder) / str(done)
            target.mkdir()
            found += _from_recipe(str(name), recipes[name], options, target)
        else:
            found.append(opened[name])
        if progress is not None:
            progress(done, len(names))
    first, _ = found[0]
    onnx = [onnx_subject(path, first.seconds, first.rate) for path in onnx_files]
    return Collected(
        [*(subject for subject, _ in found), *onnx],
        {subject.name: file for subject, file in found if file is not None},
    )


def _opened(model: Path | TfliteFile) -> SubjectAndFile:
    if isinstance(model, TfliteFile):
        return tflite_subject(model, scored=True), model
    return run_subject(model), None


def _recipe(name: PathLike, settings: Sequence[str]) -> Recipe:
    if name not in packaged_recipes() and not Path(name).is_file():
        raise FqssError(
            f"no model {name}: give a .tflite, a run folder, a recipe's YAML file, a model that "
            f"ships ({', '.join(list_models())}) or a recipe ({', '.join(packaged_recipes())})"
        )
    return load_recipe(name, settings)


def _is_tflite(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(8)[4:] == FILE_IDENTIFIER
    except OSError:
        return False


def _from_recipe(
    name: str, recipe: Recipe, options: RecipeOptions, folder: Path
) -> list[SubjectAndFile]:
    from fqss_tf.export.convert import convert
    from fqss_tf.runs.untrained import UntrainedRun

    if options.naive or options.torch:
        _check_plain(name, recipe)
    run = UntrainedRun(recipe)
    samples = recipe.segment(options.seconds)
    seconds = samples / recipe.data.sample_rate
    found: list[SubjectAndFile] = []

    def add(path: Path, label: str, seconds: float | None = None) -> None:
        file = TfliteFile.open(path)
        found.append((tflite_subject(file, f"{name} {label}", seconds), file))

    for file_type in options.types:
        path = folder / f"{file_type}.tflite"
        try:
            convert(run, path, file_type, seconds=options.seconds)
        except FqssError as error:
            if not found and file_type == options.types[-1]:
                raise
            logger.warning("left out: %s %s: %s", name, file_type, error)
            continue
        add(path, file_type)
    if options.naive:
        from fqss_tf.export.reference_graph import REFERENCE_TYPES, convert_reference

        for file_type in REFERENCE_TYPES:
            path = folder / f"naive_{file_type}.tflite"
            path.write_bytes(convert_reference(run, samples, file_type))
            add(path, f"naive {file_type}", seconds)
    if options.torch:
        torch = TorchSubject(
            name=f"{name} PyTorch float32", runtime="PyTorch", seconds=seconds,
            rate=recipe.data.sample_rate, config=recipe.model, samples=samples,
        )
        found.append((torch, None))
    return found


def _check_plain(name: PathLike, recipe: Recipe) -> None:
    """Refuses recipes of which there is no network as papers write it."""
    network = network_of(recipe.model)
    if network.plain is None:
        plain = names_of(lambda other: other.plain is not None)
        raise FqssError(f"--naive and --torch are for {plain}, and {name} is {recipe.network}")
    if network.streams(recipe.model):
        raise FqssError(f"--naive and --torch have no causal form, and {name} is causal")
