"""The engine that a .tflite of whole segments needs."""

from typing import TypeAlias

from fqss_tf.runtime.engine import Engine
from fqss_tf.runtime.hybrid_engine import HybridEngine
from fqss_tf.runtime.spectrogram_engine import SpectrogramEngine
from fqss_tf.runtime.stereo_engine import StereoEngine
from fqss_tf.tflite.file import FileLike, TfliteFile

# Each separates one channel by ``forward``.
AnyEngine: TypeAlias = Engine | SpectrogramEngine | StereoEngine


def open_engine(
    file: FileLike, num_threads: int = 1, reference_kernels: bool = False
) -> AnyEngine:
    """Opens a model with the engine of its kind.

    Args:
        file: the .tflite file, open already or by its path.
        num_threads: CPU threads of the interpreter.
        reference_kernels: use the slow, plain kernels, to which the fast ones are compared.

    Raises:
        FqssError: as of ``fqss_tf.runtime.engine.SegmentEngine``.
    """
    file = TfliteFile.open(file)
    kind: type[AnyEngine] = Engine
    if file.metadata.spectrogram is not None:
        kind = SpectrogramEngine
    elif file.metadata.transform is not None:
        kind = HybridEngine
    elif file.metadata.channels > 1:
        kind = StereoEngine
    return kind(file, num_threads, reference_kernels)
