"""The description that an fqss-tf .tflite file carries: JSON in a metadata buffer."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fqss_tf.errors import FqssError
from fqss_tf.formats import CHANNELS, FILE_TYPES, MASKS, NOT_IN_NAMES, WINDOWS, SpectrogramForm
from fqss_tf.tflite.flatbuffer import damaged, pack_model, read_model
from fqss_tf.types import Json

METADATA_NAME = b"fqss"
FORMAT = 1
BOUNDED = {"mixture", "spectrogram", "stage", "spectra"}
MOST_COUNT = 2**31
MOST_DELAY = 2**20  # samples; a minute or two
UNNAMED_SOURCE = re.compile(r"speech(_\d+)?")
# Format 1 keeps the keys that it began with: the app and other programs read them.
FILE_KEYS = {
    "input_planes": "input_stages", "output_planes": "output_stages",
    "quantized_by": "quantised_by", "algorithmic_delay": "lag",
}


@dataclass(frozen=True)
class Metadata:
    """What the JSON of the metadata buffer ``fqss`` says; lengths in samples, rates in Hz.

    A streaming model also has an ``algorithmic_delay``, by which its output comes after its input,
    and the names of its ``states``, each of which is an input and an output. Its ``segment`` is one
    step. A model over spectrograms says what it hears of a ``spectrogram``. ``channels``: of the
    waveforms that another model takes and gives. ``transform``: the window of the spectrogram that
    it hears beside the waveform; ``bounds`` of an int8 model: what the full scale stands for at its
    inputs ``mixture`` and ``spectrogram`` and its outputs ``stage`` and ``spectra``.
    """

    sample_rate: int
    segment: int
    hop: int
    sources: tuple[str, ...]
    input_planes: int
    output_planes: int
    type: str
    method: str
    network: str
    quantized_by: str
    algorithmic_delay: int | None = None
    states: tuple[str, ...] = ()
    spectrogram: SpectrogramForm | None = None
    channels: int = 1
    transform: int | None = None
    bounds: Mapping[str, float] | None = None

    @property
    def is_streaming(self) -> bool:
        """Whether the file takes a stream step by step."""
        return self.algorithmic_delay is not None

    @property
    def latency(self) -> int:
        """Samples from the arrival of a sound until it is separated, but for computing time.

        The first sample of a segment waits for the last; a streaming model's result lags too.
        """
        return self.segment + (self.algorithmic_delay or 0)

    @property
    def has_named_sources(self) -> bool:
        """Whether each output has its source; ``speech_1`` and ``speech_2`` may change places."""
        return not all(UNNAMED_SOURCE.fullmatch(name) for name in self.sources)

    @property
    def takes_int16(self) -> bool:
        """Whether 16-bit samples are what the graph computes on: two int8 planes each way."""
        planes = self.input_planes, self.output_planes
        is_mono = self.spectrogram is None and self.channels == 1
        return self.type == "int8" and planes == (2, 2) and is_mono

    @property
    def hears_stereo(self) -> bool:
        """Whether it takes both channels of a recording, and gives both of each source."""
        return self.spectrogram is not None or self.channels == CHANNELS


def write_metadata(tflite_bytes: bytes, description: Json) -> bytes:
    """Returns the model with ``description`` as its JSON metadata buffer named ``fqss``.

    Args:
        tflite_bytes: bytes of a .tflite file; an earlier description is replaced.
        description: dict that JSON can hold.

    Raises:
        FqssError: not a TFLite flatbuffer, or a damaged one.
    """
    model = read_model(tflite_bytes)
    text = json.dumps(description, sort_keys=True).encode()
    data = np.frombuffer(text, np.uint8)
    model.metadata = model.metadata or []
    for entry in model.metadata:
        if entry.name == METADATA_NAME:
            model.buffers[entry.buffer].data = data
            break
    else:
        model.metadata.append(schema.MetadataT(METADATA_NAME, len(model.buffers)))
        model.buffers.append(schema.BufferT(data))
    return pack_model(model)


def is_described(model: schema.ModelT) -> bool:
    """Returns whether a parsed model carries a description of this project."""
    return any(entry.name == METADATA_NAME for entry in model.metadata or [])


def read_description(path: Path, model: schema.ModelT) -> Metadata:
    """Returns what a parsed model says about itself; whether its graph is sound is not checked.

    Args:
        path: what an error message calls the file.
        model: as ``fqss_tf.tflite.flatbuffer.read_model`` gives it.

    Raises:
        FqssError: not of this project, of another format, or with a wrong value.
    """
    for entry in model.metadata or []:
        if entry.name == METADATA_NAME and 0 <= entry.buffer < len(model.buffers):
            data = model.buffers[entry.buffer].data
            try:
                values = json.loads(bytes(data if data is not None else b""))
            except (ValueError, RecursionError) as error:
                raise damaged(path) from error
            return _checked(path, values)
    raise FqssError(f"{path} is not an fqss-tf model: it carries no fqss description")


def _checked(path: Path, values: Any) -> Metadata:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, dict) else None
        raise FqssError(
            f"{path} has fqss format {found!r}, this version reads {FORMAT}: convert it anew"
        )
    counts = ("sample_rate", "segment", "hop", "input_stages", "output_stages")
    wrong = [name for name in counts if not _is_count(values.get(name))]
    wrong += [name for name in ("method", "network", "quantised_by") if not _is_text(values, name)]
    if values.get("type") not in FILE_TYPES:
        wrong.append("type")
    if not _are_file_names(values.get("sources")):
        wrong.append("sources")
    states = values.get("states", [])
    if "lag" in values and not _is_delay(values["lag"]):
        wrong.append("lag")
    if not (states == [] or "lag" in values and _are_names(states)):
        wrong.append("states")
    if "spectrogram" in values and not _is_spectrogram(values):
        wrong.append("spectrogram")
    channels = values.get("channels", 1)
    if not _is_count(channels) or channels > CHANNELS:
        wrong.append("channels")
    if "transform" in values and not _is_transform(values):
        wrong.append("transform")
    if wrong:
        raise FqssError(f"{path} has an fqss description with a wrong {wrong[0]}: convert it anew")
    keys = {name: FILE_KEYS.get(name, name) for name in Metadata.__dataclass_fields__}
    fields = {name: values[key] for name, key in keys.items() if key in values}
    if form := fields.get("spectrogram"):
        fields["spectrogram"] = SpectrogramForm(
            form["kernel"], form["bins"], values["segment"] // values["hop"], form["masks"]
        )
    return Metadata(**{**fields, "sources": tuple(values["sources"]), "states": tuple(states)})


def _is_spectrogram(values: Json) -> bool:
    """Whether the sizes are those of an STFT, with an even number of frames and bins."""
    form = values["spectrogram"]
    if not isinstance(form, dict) or form.get("masks") not in MASKS:
        return False
    sizes = [form.get("kernel"), form.get("bins"), values.get("hop"), values.get("segment")]
    counts = [size for size in sizes if isinstance(size, int) and _is_count(size)]
    if len(counts) < len(sizes):
        return False
    kernel, bins, hop, segment = counts
    is_stft = kernel == WINDOWS * hop and bins % 2 == 0 and bins <= kernel // 2
    return is_stft and segment % (2 * hop) == 0


def _is_transform(values: Json) -> bool:
    """Whether a model of two channels has a window of so many samples; int8 has bounds, too."""
    sizes = [values.get(name) for name in ("transform", "hop", "segment")]
    counts = [size for size in sizes if isinstance(size, int) and _is_count(size)]
    if len(counts) < len(sizes):
        return False
    kernel, hop, segment = counts
    is_known = values.get("type") == "float32" or (
        values.get("type") == "int8" and _are_bounds(values.get("bounds"))
    )
    is_stereo = values.get("channels") == CHANNELS
    return is_known and is_stereo and kernel == WINDOWS * hop and segment >= kernel


def _are_bounds(bounds: Any) -> bool:
    return isinstance(bounds, dict) and set(bounds) == BOUNDED and all(
        isinstance(bound, float) and math.isfinite(bound) and bound > 0
        for bound in bounds.values()
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < MOST_COUNT


def _is_delay(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_DELAY


def _is_text(values: Json, name: str) -> bool:
    return isinstance(values.get(name), str)


def _are_file_names(sources: Any) -> bool:
    """Source names become parts of file names, so one must not lead to another folder."""
    return _are_names(sources) and not any(set(name) & set(NOT_IN_NAMES) for name in sources)


def _are_names(names: Any) -> bool:
    return (
        isinstance(names, list)
        and len(names) > 0
        and all(isinstance(name, str) and name for name in names)
        and len(set(names)) == len(names)
    )
