"""Recipes: dataclasses read from YAML; a wrong key or value is an error that names it."""

import builtins
import contextlib
import dataclasses
import difflib
import math
import os
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from fqss_tf import value_checks as checks
from fqss_tf.errors import FqssError
from fqss_tf.files import atomic_path
from fqss_tf.former_names import renamed, renamed_key
from fqss_tf.models.registry import DEFAULT, NETWORKS, network_of
from fqss_tf.models.sizes import MASKINGS, RESIDUALS, EncoderSizes, Masking, Residual
from fqss_tf.types import Json, PathLike

if TYPE_CHECKING:
    from importlib.abc import Traversable

    from _typeshed import DataclassInstance

Section = TypeVar("Section", bound="DataclassInstance")

PRECISIONS = ("float32", "bfloat16", "bfloat16-always")
SCHEDULES = ("constant", "cosine", "plateau", "step")
CALIBRATIONS = ("percentile", "mse", "minmax")
# What PyYAML raises: its own errors, and those of Python of a date or a number that is none.
NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)
# What a value must be, for people.
KINDS = {
    bool: "true or false", int: "a whole number", float: "a number", str: "text",
    tuple: "a list of names",
}


@dataclasses.dataclass(frozen=True)
class DataRecipe:
    """What is trained on. See docs/guide/data.md.

    Which data: ``datasets``, data set folders of any kind, ``bundled`` for the audio that ships
    with the package; ``task`` (``sep_clean``, ``sep_noisy`` or ``enh_single``), ``mode`` (``min``
    or ``max``) and ``subset`` (``train-100``, ..) of LibriMix. ``sources``: names of the
    network's outputs in order, which are stems, or folders of sources to mix; empty where outputs
    have no fixed place, as with voices. A network of one source has the task ``enh_single``,
    whatever is written here. ``on_bad_file``: what becomes of damaged files, ``stop`` or
    ``skip``. ``dev_mixtures``: how many of the dev set are scored while training, and of the test
    set by ``convert``; 0 for all.

    How it is mixed: ``dynamic_fraction`` of the mixtures have sources that are drawn one by one
    (the remix of music), the others are the data set's own. Speech drawn so has level differences
    within +-5 dB, and a ``wide_fraction`` of it within +-``max_level_difference_db``.
    ``noise_fraction`` of the mixtures get noise from ``noise_datasets`` at a ratio within the two
    limits ``noise_snr_db``. Each source is played at 95, 100 or 105 % with
    ``speed_perturbation``, its polarity drawn with ``flip_polarity``, and its level changed by up
    to +-``source_gain_db`` where the sources have levels of their own. The peak of a mixture is up
    to ``random_gain_db`` below 1.
    """

    datasets: tuple[str, ...] = ("bundled",)
    sample_rate: int = 8000
    segment_seconds: float = 3.0
    task: str = "sep_clean"
    mode: str = ""
    subset: str = ""
    sources: tuple[str, ...] = ()
    on_bad_file: str = "stop"
    dev_mixtures: int = 0
    dynamic_fraction: float = 1.0
    max_level_difference_db: float = 30.0
    wide_fraction: float = 0.5
    random_gain_db: float = 0.0
    source_gain_db: float = 0.0
    flip_polarity: bool = False
    speed_perturbation: bool = False
    noise_datasets: tuple[str, ...] = ()
    noise_fraction: float = 0.0
    min_noise_snr_db: float = 0.0
    max_noise_snr_db: float = 20.0
    min_snr_db: float = -5.0
    max_snr_db: float = 15.0
    layered_sources: tuple[str, ...] = ()
    most_layers: int = 3
    room_responses: tuple[str, ...] = ()
    room_fraction: float = 0.0
    telephone_fraction: float = 0.0
    clip_fraction: float = 0.0

    def __post_init__(self) -> None:
        checks.check_choices("data.{}", self, {
            "task": ("sep_clean", "sep_noisy", "enh_single"),
            "mode": ("", "min", "max"),
            "on_bad_file": ("stop", "skip"),
        })
        checks.check_shares(
            "data.{}", self, "dynamic_fraction", "wide_fraction", "noise_fraction",
            "room_fraction", "telephone_fraction", "clip_fraction",
        )
        checks.check_positive("data.{}", self, "sample_rate", "segment_seconds")
        checks.check_least("data.{}", self, {"most_layers": 1})
        for name in ("max_level_difference_db", "random_gain_db", "source_gain_db", "dev_mixtures"):
            if getattr(self, name) < 0:
                raise FqssError(f"data.{name} is {getattr(self, name)}: it must not be negative")
        for name in ("noise_snr_db", "snr_db"):
            if getattr(self, f"min_{name}") > getattr(self, f"max_{name}"):
                raise FqssError(f"data.min_{name} is above data.max_{name}")
        self._check_sources()

    def _check_sources(self) -> None:
        if len(self.sources) == 1 or len(set(self.sources)) < len(self.sources):
            raise FqssError(
                f"data.sources is {', '.join(self.sources)}: name two or more, each once"
            )
        checks.check_file_names("data.sources", self.sources)
        unknown = [name for name in self.layered_sources if name not in self.sources]
        if unknown:
            raise FqssError(
                f"data.layered_sources names {unknown[0]}, which is not among data.sources"
            )
        if self.room_fraction > 0 and not self.room_responses:
            raise FqssError(
                "data.room_fraction needs room responses; name folders in data.room_responses"
            )


@dataclasses.dataclass(frozen=True)
class StageRecipe:
    """One stage of training.

    ``batch_size``: mixtures per batch, over all GPUs and machines. ``accumulate``: batches whose
    mean gradient makes one step.
    ``schedule`` of the learning rate: ``constant``, ``cosine`` (to 0), ``plateau`` (halved after
    more than ``patience`` evaluations on the dev set without improvement) or ``step`` (times
    ``decay_factor`` every ``decay_every`` steps).
    ``early_stop``: ends the stage after so many evaluations without improvement; 0 never.
    ``clip_norm``: of the gradient. ``skip_above_norm``: a step whose gradient is larger before it
    is clipped is skipped, as one that is not finite always is; 0 is no limit. ``skip_limit``: so
    many skipped steps in a row end the training.
    ``ema_decay``: what a step leaves of the moving average of the weights, which then is scored
    and kept instead of the last weights; 0 keeps the weights themselves. The statistics of batch
    norms are those of the last weights, which suit the averages only once the rate is low.
    ``precision``: what the network computes in, ``float32`` or ``bfloat16``, which processors and
    GPUs that know it multiply faster; others take float32, unless it is ``bfloat16-always``. The
    weights stay float32. For the float stage alone.
    ``frozen_statistics_share``: of the steps, the last ones, batch norms use their running
    statistics, as the exported network does, and no longer the batch's.
    """

    steps: int = 1000
    batch_size: int = 4
    accumulate: int = 1
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    patience: int = 5
    decay_every: int = 1000
    decay_factor: float = 0.98
    early_stop: int = 0
    clip_norm: float = 5.0
    skip_above_norm: float = 0.0
    skip_limit: int = 20
    ema_decay: float = 0.0
    frozen_statistics_share: float = 0.0
    precision: str = "float32"
    evaluate_every: int = 200

    def __post_init__(self) -> None:
        checks.check_choices("{}", self, {"schedule": SCHEDULES, "precision": PRECISIONS})
        checks.check_least("recipe key {} of a stage", self, {
            "steps": 0, "batch_size": 1, "accumulate": 1, "decay_every": 1, "early_stop": 0,
            "patience": 0, "skip_above_norm": 0, "skip_limit": 1, "ema_decay": 0,
            "evaluate_every": 1,
        })
        checks.check_positive("a stage's {}", self, "learning_rate", "clip_norm", "decay_factor")
        checks.check_shares("recipe key {}", self, "frozen_statistics_share")
        if self.ema_decay >= 1:
            raise FqssError(f"recipe key ema_decay is {self.ema_decay}: it must be below 1")


@dataclasses.dataclass(frozen=True)
class QuantizationRecipe:
    """``input_planes`` and ``output_planes``: 8-bit tensors of the FQSS splitter and combiner.

    ``residual``: how the second output plane finds what the first one left out: ``exact``, in the
    32-bit sums of the decoder, or ``samples``, by a residual encoder, as published.
    ``masking``: the latent holds the masked encoding, ``direct``, as published, or only how it
    differs from that of a mean mask, ``centered`` (``fqss_tf.models.masking``).
    ``latent_planes``: 8-bit tensors that hold encoding and latent, 1, or 2, a fine and a coarse one
    (``fqss_tf.models.fine_latent``).
    ``calibration``: how ranges follow from the values of ``calibration_steps`` batches, to start
    training from and for ``convert --ptq``: ``percentile`` (99.99 % of the values), ``mse`` (least
    mean squared error) or ``minmax`` (running means of the extremes). The first two choose the
    ranges of weights by least error.
    ``train_ranges``: whether training moves the calibrated ranges of the quantizers too.
    ``recompute``: the gradient computes the network once more in segments, instead of keeping all
    of its tensors: less memory, more time, the same results. Of ConvTasNet alone.

    ``distillation_weight``, ``distillation_direction`` (``speech`` or ``music``) and
    ``distillation_average`` (``linear`` as published, or ``decibel``) are the last arguments of
    ``fqss_tf.training.losses.fqss_distillation_loss``; the loss ``l1`` has no logarithm to average.
    ``fixed_batches``: so many batches are drawn, kept on disk with the teacher's estimates, which
    are then computed once, and repeated; 0 draws new ones for each step.
    """

    input_planes: int = 2
    output_planes: int = 2
    residual: Residual = "exact"
    masking: Masking = "direct"
    latent_planes: int = 1
    calibration_steps: int = 50
    calibration: str = "percentile"
    train_ranges: bool = True
    recompute: bool = True
    distillation_weight: float = 0.1
    distillation_direction: str = "speech"
    distillation_average: str = "linear"
    fixed_batches: int = 0

    def __post_init__(self) -> None:
        checks.check_choices("quantization.{}", self, {
            "calibration": CALIBRATIONS, "residual": RESIDUALS, "masking": MASKINGS,
            "distillation_direction": ("speech", "music"),
            "distillation_average": ("linear", "decibel"),
        })
        checks.check_shares("quantization.{}", self, "distillation_weight")
        checks.check_least("quantization.{}", self, {
            "input_planes": 1, "output_planes": 1, "calibration_steps": 1, "fixed_batches": 0,
            "latent_planes": 1,
        })


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run, but the place it is written to.

    ``network`` is a key of ``fqss_tf.models.registry.NETWORKS``, ``model`` the sizes it asks for.
    ``loss``: what training maximises, ``si_sdr`` or ``sdr``, which holds estimates to the level of
    the sources, or minimises, ``l1``, the mean absolute difference, as is usual for music.
    """

    network: str = DEFAULT
    seed: int = 0
    loss: str = "si_sdr"
    model: EncoderSizes = NETWORKS[DEFAULT].sizes
    data: DataRecipe = DataRecipe()
    float: StageRecipe = StageRecipe()
    quantization: QuantizationRecipe = QuantizationRecipe()
    qat: StageRecipe = StageRecipe(learning_rate=3e-4)

    def __post_init__(self) -> None:
        checks.check_choices("{}", self, {"loss": ("si_sdr", "sdr", "l1")})
        checks.check_seed(self.seed)
        if self.model.sources == 1 and self.data.task != "enh_single":
            data = dataclasses.replace(self.data, task="enh_single")
            object.__setattr__(self, "data", data)
        if self.model.sources > 1 and self.data.task == "enh_single":
            raise FqssError(
                f"data.task enh_single is of one source, but model.sources is {self.model.sources}"
            )
        names = self.data.sources
        if names and len(names) != self.model.sources:
            raise FqssError(
                f"data.sources names {len(names)} sources, but model.sources is "
                f"{self.model.sources}"
            )
        if self.qat.frozen_statistics_share:
            raise FqssError(
                "qat.frozen_statistics_share is of batch norms, which a network of 8 bits does not "
                "have: leave it at 0"
            )
        if self.qat.precision != "float32":
            raise FqssError(
                f"qat.precision is {self.qat.precision}: its 8 bits are fewer than the quantizers "
                "round to; leave it at float32"
            )

    def segment(
        self, seconds: builtins.float | None = None, *, of_stream: bool = False
    ) -> int:
        """Returns ``seconds`` in samples: a multiple of the model's step, at least one kernel.

        Those of a training segment if None. ``of_stream``: of a step, for which one hop is enough,
        because the past is there already.

        Raises:
            FqssError: ``seconds`` is not a length.
        """
        if seconds is None:
            seconds = self.data.segment_seconds
        if not 0 < seconds < math.inf:
            raise FqssError(f"a segment of {seconds} seconds cannot be: give a length above 0")
        step = self.model.segment_step
        # 2.01 s at 8000 Hz are 16079.999.. samples in floats.
        samples = int(round(seconds * self.data.sample_rate, 6)) // step * step
        return max(samples, step if of_stream else max(self.model.kernel, step))

    @property
    def source_names(self) -> tuple[str, ...]:
        """Names of the network's outputs: those of the data, else ``speech_1``, ``speech_2``, .."""
        return self.data.sources or tuple(self.model.source_names)

    @property
    def has_named_sources(self) -> bool:
        """Whether each output has its source, so that estimates are never put in another order."""
        return bool(self.data.sources)

    @property
    def recomputes(self) -> bool:
        """Whether the gradient of the quantized stage computes the network again."""
        return self.quantization.recompute and network_of(self.model).recomputes


def packaged_recipes() -> list[str]:
    """Returns the names of the recipes that ship with the package."""
    folder = resources.files("fqss_tf") / "recipes"
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(name_or_path: PathLike, settings: Iterable[str] = ()) -> Recipe:
    """Reads a packaged recipe by name, or a YAML file by path, with ``key=value`` settings applied.

    A recipe with the key ``base`` gives only what differs from another one: a packaged recipe, or
    a YAML file by its path from the folder of the first. If it has another network, it takes over
    everything but ``model``.

    Args:
        name_or_path: ``quickstart`` or ``my/recipe.yaml``.
        settings: strings such as ``qat.steps=500`` or ``model.norm=batch``.

    Raises:
        FqssError: no such recipe or base, not YAML, an unknown key, a value of the wrong kind.
    """
    values = _read(name_or_path)
    _put_settings(values, settings)
    return _of_network(values)


def recipe_of(values: Json) -> Recipe:
    """Returns the recipe that ``convert`` wrote beside a .tflite, as JSON gives it.

    Raises:
        FqssError: an unknown key, or a value of the wrong kind.
    """
    return _of_network(renamed(values))


def _of_network(values: Json) -> Recipe:
    """The recipe of keys with today's names; those left out have the defaults of the network."""
    network = values.get("network", Recipe.network)
    if isinstance(network, str) and network not in NETWORKS:
        raise FqssError(f"network {network!r} is unknown: use one of {', '.join(NETWORKS)}")
    sizes = NETWORKS.get(str(network), NETWORKS[DEFAULT]).sizes
    return from_dict(Recipe(model=sizes), values, "")


def _read(name_or_path: PathLike, readers: tuple[str, ...] = ()) -> Json:
    """The keys of a recipe over those of its base.

    ``readers``: the recipes that have it as their base, or as the base of their base...
    """
    name = str(name_or_path)
    path: Traversable = Path(name_or_path)
    if name in packaged_recipes():
        path = resources.files("fqss_tf") / "recipes" / f"{name}.yaml"
    elif not path.is_file():
        asked = f"recipe {readers[-1]}: no base" if readers else "no recipe"
        raise FqssError(
            f"{asked} {name}: give a YAML file or one of {', '.join(packaged_recipes())}"
        )
    if name in readers:
        raise FqssError(f"recipe {name} is its own base: {' -> '.join((*readers, name))}")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except NOT_YAML as error:
        reason = " ".join(str(error).split())
        raise FqssError(f"recipe {name} is not valid YAML: {reason}") from error
    if not isinstance(values, dict):
        raise FqssError(f"recipe {name} must hold keys, not {values!r}")
    values = renamed(values)
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise FqssError(f"recipe {name}: base is {base!r}: give a YAML file or a packaged recipe")
    if base not in packaged_recipes():
        base = os.path.normpath(Path(name).parent / base)
    return _merged(_read(base, (*readers, name)), values)


def _merged(base: Json, values: Json) -> Json:
    """``values`` over those of ``base``, section by section; another network has its own sizes."""
    merged = dict(base)
    network = base.get("network", DEFAULT)
    if values.get("network", network) != network:
        merged.pop("model", None)
        base = merged.copy()
    for key, value in values.items():
        section = base.get(key)
        both = isinstance(section, dict) and isinstance(value, dict)
        merged[key] = section | value if both else value
    return merged


def with_settings(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Returns a recipe with ``key=value`` settings of everything but the network.

    Raises:
        FqssError: an unknown key, a value of the wrong kind, or a size of the network.
    """
    values: Json = {}
    _put_settings(values, settings)
    for key in ("network", "model"):
        if key in values:
            raise FqssError(f"--set {key}: the network is what it is; change it in no recipe key")
    return from_dict(recipe, values, "")


def _put_settings(values: Json, settings: Iterable[str]) -> None:
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator:
            raise FqssError(f"--set {setting}: write key=value, for example qat.steps=500")
        *parents, leaf = renamed_key(key).split(".")
        target: Any = values
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise FqssError(f"--set {setting}: {parent} is not a section")
        try:
            target[leaf] = yaml.safe_load(text)
        except NOT_YAML as error:
            raise FqssError(f"--set {setting}: this is not valid YAML") from error


def from_dict(defaults: Section, values: Any, prefix: str) -> Section:
    """Returns the dataclass ``defaults`` with the values of a dictionary in place of its own.

    Args:
        defaults: a dataclass instance, whose own fields may be dataclass instances.
        values: what YAML gave, which should be a dictionary.
        prefix: names the section in errors; it ends with a dot unless it is empty.

    Raises:
        FqssError: no dictionary, an unknown key, or a value of the wrong kind.
    """
    if not isinstance(values, dict):
        raise FqssError(f"recipe section {prefix or 'top'} must hold keys, not {values!r}")
    fields = [field.name for field in dataclasses.fields(defaults)]
    arguments: Json = {}
    for key, value in values.items():
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(fields)}"
            raise FqssError(f"unknown recipe key {prefix}{key}: {hint}")
        default = getattr(defaults, key)
        if dataclasses.is_dataclass(default) and not isinstance(default, type):
            arguments[key] = from_dict(default, value, f"{prefix}{key}.")
        else:
            arguments[key] = _typed(value, default, f"{prefix}{key}")
    return dataclasses.replace(defaults, **arguments)


def _typed(value: Any, default: Any, key: str) -> Any:
    if isinstance(default, tuple):
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list | tuple) and all(isinstance(item, str) for item in items):
            return tuple(items)
    elif isinstance(default, float) and isinstance(value, str):
        # YAML 1.1 reads 1e-3 as a string.
        with contextlib.suppress(ValueError):
            value = float(value)
    elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            value = float(value)
    if type(value) is type(default) and (not isinstance(value, float) or math.isfinite(value)):
        return value
    raise FqssError(f"recipe key {key} is {value!r}: it must be {KINDS[type(default)]}")


def to_yaml(recipe: Recipe) -> str:
    """Returns the recipe as YAML text, every key resolved."""
    values = dataclasses.asdict(recipe)
    for key, value in values["data"].items():
        values["data"][key] = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(values, sort_keys=False)


def save_recipe(recipe: Recipe, path: PathLike) -> None:
    """Writes the resolved recipe as YAML, whole or not at all.

    Raises:
        FqssError: the operating system refused to write.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(to_yaml(recipe), encoding="utf-8")
