"""A published checkpoint becomes a run folder, as if it had been trained here."""

import dataclasses
import reprlib
from collections.abc import Sequence
from pathlib import Path

import yaml

from fqss_tf.config import DataRecipe, QuantizationRecipe, Recipe, load_recipe, with_settings
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_folder
from fqss_tf.importing.checkpoint import read_checkpoint
from fqss_tf.importing.layout import Layout
from fqss_tf.importing.layouts import recognised
from fqss_tf.models.published import PublishedTensors
from fqss_tf.models.sizes import EncoderSizes
from fqss_tf.runs.folder import FLOAT_WEIGHTS, describe_run
from fqss_tf.types import Json, LayerWeights, PathLike


@dataclasses.dataclass(frozen=True)
class Imported:
    """What became of a published checkpoint.

    ``layout`` and ``publisher``: their names. ``recipe``: of the run. ``weights``: arrays by layer.
    ``assumed``: sizes that neither the checkpoint nor the arguments told. ``tells_rate``: whether
    one of them told the sample rate; else that of the recipe means nothing.
    """

    layout: str
    publisher: str
    recipe: Recipe
    weights: LayerWeights
    assumed: Json
    tells_rate: bool


def read_published(
    path: PathLike, layout: str | None = None, arguments: Json | None = None,
    rate: float | None = None, task: str | None = None,
) -> Imported:
    """What a checkpoint holds, without TensorFlow.

    Args:
        path: as for ``fqss_tf.importing.checkpoint.read_checkpoint``.
        layout: name of a layout or a publisher; None recognises it by the keys.
        arguments: dict of the published constructor's arguments; they win over those in the file.
        rate: sample rate in Hz; wins over what the arguments say.
        task: as in a recipe's ``data.task``; wins over what the file says.

    Raises:
        FqssError: the file is refused, of no known layout, or does not fit; the first key or
            argument that does not is named.
    """
    checkpoint = read_checkpoint(path)
    if not checkpoint.tensors:
        raise FqssError(f"{path} holds no weights")
    tensors = PublishedTensors(checkpoint.tensors)
    try:
        found = recognised(tensors, layout)
    except FqssError as error:
        raise FqssError(f"{path}: {error}") from error
    try:
        given = checkpoint.arguments | (arguments or {})
        sizes, assumed = found.sizes(tensors, given)
        weights = found.weights(tensors, sizes)
        tensors.finish()
    except FqssError as error:
        raise FqssError(f"{path} is no checkpoint of {found.name}: {error}") from error
    recipe = _recipe(path, found, sizes, given)
    told = given.get("sample_rate", given.get("samplerate"))
    tells_rate = found.recipe is not None or rate is not None or told is not None
    rate = rate or told
    data = dataclasses.replace(
        recipe.data, task=task or _known_task(checkpoint.task, sizes.sources)
    )
    if rate is not None:
        is_number = isinstance(rate, int | float) and not isinstance(rate, bool)
        if not is_number or not 1 <= rate < 2**20:
            raise FqssError(
                f"{path}: sample_rate {reprlib.repr(rate)} is no number of Hz below 2^20"
            )
        data = dataclasses.replace(data, sample_rate=int(rate))
    recipe = dataclasses.replace(recipe, data=data)
    return Imported(found.name, found.publisher, recipe, weights, assumed, tells_rate)


def _recipe(path: PathLike, layout: Layout, sizes: EncoderSizes, given: Json) -> Recipe:
    """What a network of these sizes, and of these arguments, is trained and scored on."""
    if layout.recipe is None:
        quantization = QuantizationRecipe(masking="centered" if sizes.linear_encoder else "direct")
        return Recipe(network=layout.network, model=sizes, quantization=quantization)
    try:
        recipe = load_recipe(layout.recipe(sizes))
        names = tuple(given.get(layout.named or "", recipe.data.sources))
        seconds = float(given.get(layout.timed or "", recipe.data.segment_seconds))
        data = dataclasses.replace(recipe.data, sources=names, segment_seconds=seconds)
        return dataclasses.replace(recipe, model=sizes, data=data)
    except FqssError as error:
        raise FqssError(f"{path} is no checkpoint of {layout.name}: {error}") from error


def _known_task(name: str | None, sources: int) -> str:
    """The task of a recipe that a publisher's name stands for; the usual one for other names."""
    if sources == 1:
        return "enh_single"
    return name if name in ("sep_clean", "sep_noisy") else DataRecipe.task


def read_arguments(path: PathLike) -> Json:
    """Constructor arguments from a JSON or YAML file.

    Raises:
        FqssError: the file cannot be read, or holds something else than keys and values.
    """
    try:
        # JSON is YAML too, but for tabs.
        text = Path(path).read_text(encoding="utf-8").replace("\t", " ")
        arguments = yaml.safe_load(text)
    except OSError as error:
        raise FqssError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: 2023-02-30
        reason = " ".join(str(error).split())
        raise FqssError(f"{path} is neither JSON nor YAML: {reason}") from error
    if not isinstance(arguments, dict):
        raise FqssError(f"{path} must hold constructor arguments by name")
    return arguments


def import_checkpoint(
    path: PathLike,
    output: PathLike,
    layout: str | None = None,
    arguments: Json | None = None,
    rate: float | None = None,
    task: str | None = None,
    settings: Sequence[str] = (),
    origin: Json | None = None,
) -> Imported:
    """Writes a run folder with the weights of a published checkpoint.

    Args:
        path: of the checkpoint, as for ``read_published``.
        output: the folder; it must not exist, or be empty.
        layout: as for ``read_published``, like the next three.
        arguments: of the published constructor.
        rate: sample rate in Hz.
        task: as in a recipe's ``data.task``.
        settings: ``key=value`` changes of the recipe, such as ``data.datasets=[DIR]``.
        origin: what the run is to say of where the checkpoint is from, besides its file.

    Returns:
        The Imported.

    Raises:
        FqssError: as ``read_published``, nothing tells the rate, a wrong setting, or the folder is
            in use or cannot be written.
    """
    with atomic_folder(output) as temporary:
        imported = read_published(path, layout, arguments, rate, task)
        if not imported.tells_rate:
            raise FqssError(
                f"{path} does not tell the sample rate of its network: give it, as in --rate 16000"
            )
        imported = dataclasses.replace(imported, recipe=with_settings(imported.recipe, settings))
        from fqss_tf.models.registry import build
        from fqss_tf.models.waveform_weights import assign
        from fqss_tf.runs.weights import save_weights

        model = build(imported.recipe.model)
        assign(model, imported.weights)
        describe_run(temporary, imported.recipe, {
            "method": "fqss",
            "imported": {"layout": imported.layout, "publisher": imported.publisher,
                         "file": Path(path).name, "assumed": imported.assumed} | (origin or {}),
        })
        save_weights(model, temporary / FLOAT_WEIGHTS)
    return imported
