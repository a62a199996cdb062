"""What speechbrain's ``hyperparams.yaml`` says of the network in its folder. Nothing is made of it.

The file is YAML with tags: ``!new:CLASS`` before arguments, ``!ref <NAME>`` for a value above. A
class is not looked up here: what stands behind a tag is read as the plain data that it is.
"""

import dataclasses
import reprlib
from pathlib import Path
from typing import Any

import yaml

from fqss_tf.errors import FqssError
from fqss_tf.types import Json

HYPERPARAMS = "hyperparams.yaml"
MOST_REFERENCES = 100
# Where a network says what no tensor shows -> what its code here computes.
_COMPUTED = {
    ("masknet", "norm"): "ln",
    ("masknet", "linear_layer_after_inter_intra"): False,
    ("masknet", "skip_around_intra"): True,
    ("masknet", "intra_model", "use_positional_encoding"): True,
    ("masknet", "inter_model", "use_positional_encoding"): True,
    ("masknet", "intra_model", "norm_before"): True,
    ("masknet", "inter_model", "norm_before"): True,
}
# Constructor argument, as the layout has it -> where it stands.
_ARGUMENTS = {
    "num_spks": ("masknet", "num_spks"),
    "K": ("masknet", "K"),
    "num_layers": ("masknet", "num_layers"),
    "intra_layers": ("masknet", "intra_model", "num_layers"),
    "inter_layers": ("masknet", "inter_model", "num_layers"),
    "nhead": ("masknet", "intra_model", "nhead"),
    "d_ffn": ("masknet", "intra_model", "d_ffn"),
    "kernel_size": ("encoder", "kernel_size"),
    "N": ("encoder", "out_channels"),
    "stride": ("decoder", "stride"),
}


def read_hyperparams(folder: Path) -> Json:
    """Returns the arguments of the SepFormer in a folder of speechbrain, and its sample rate.

    Args:
        folder: with or without ``hyperparams.yaml``; what it does not say is left out.

    Raises:
        FqssError: the file cannot be read, or is of a network that computes something else.
    """
    path = folder / HYPERPARAMS
    if not path.is_file():
        return {}
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _PlainLoader)
    except OSError as error:
        raise FqssError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FqssError(f"{path} is no YAML: {reason}") from error
    if not isinstance(document, dict):
        raise FqssError(f"{path} holds no keys and values")
    for place, only in _COMPUTED.items():
        value = _at(document, ("modules", *place))
        if value not in (None, only):
            raise FqssError(
                f"{path}: {place[-1]} {reprlib.repr(value)} is not supported: only {only} is"
            )
    heads = [_at(document, ("modules", "masknet", f"{kind}_model", "nhead"))
             for kind in ("intra", "inter")]
    if None not in heads and heads[0] != heads[1]:
        raise FqssError(f"{path}: nhead {heads[0]} and {heads[1]} are not supported: only one is")
    found = {name: _at(document, ("modules", *place)) for name, place in _ARGUMENTS.items()}
    found["sample_rate"] = _at(document, ("sample_rate",))
    return {name: value for name, value in found.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class _Reference:
    name: str


class _PlainLoader(yaml.SafeLoader):
    """Reads what stands behind any tag as plain data."""


def _untagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    text = str(node.value)
    is_reference = suffix == "ref" and text.startswith("<") and text.endswith(">")
    return _Reference(text[1:-1]) if is_reference else text


_PlainLoader.add_multi_constructor("!", _untagged)


def _at(document: Json, place: tuple[str, ...]) -> Any:
    """The value in nested mappings; None where there is none."""
    value: Any = document
    for name in place:
        value = _resolved(document, value.get(name)) if isinstance(value, dict) else None
    return value


def _resolved(document: Json, value: Any) -> Any:
    for _ in range(MOST_REFERENCES):
        if not isinstance(value, _Reference):
            return value
        value = document.get(value.name)
    raise FqssError(f"{HYPERPARAMS}: the references of {value.name} lead back to it")
