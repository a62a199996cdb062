"""What a float network computes in while it is trained."""

import contextlib
import functools
import logging
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
import tf_keras as keras

logger = logging.getLogger(__name__)

POLICIES = {"bfloat16": "mixed_bfloat16", "bfloat16-always": "mixed_bfloat16"}
CPU_INFO = Path("/proc/cpuinfo")
# As Linux calls them: AVX-512 BF16, AMX, and what ARM has.
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


@functools.cache
def usable(precision: str) -> str:
    """Returns what to compute in for a precision of a recipe, with a warning where they differ.

    A processor without multiplication in bfloat16 emulates it, which takes ten times as long as
    float32.
    """
    if precision != "bfloat16" or _multiplies_bfloat16():
        return precision
    logger.warning(
        "this processor does not multiply in bfloat16 and takes float32, which is faster; "
        "float.precision=bfloat16-always has it emulate bfloat16"
    )
    return "float32"


def _multiplies_bfloat16() -> bool:
    """False only where that is known."""
    if tf.config.list_physical_devices("GPU"):
        return True
    try:
        words = CPU_INFO.read_text().split()
    except OSError:  # no Linux
        return True
    return not BFLOAT16_FLAGS.isdisjoint(words)


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Makes models built within it compute in ``float32`` or ``bfloat16``, of float32 variables.

    bfloat16 has the exponents of float32, so that no loss need be scaled. The waveform at both ends
    and the norms' statistics keep to full precision.
    """
    if precision not in POLICIES:
        yield
        return
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(POLICIES[precision])
    try:
        yield
    finally:
        # None follows keras.backend.floatx, as it is without a policy of one's own.
        follows = before.name == keras.backend.floatx()
        keras.mixed_precision.set_global_policy(None if follows else before)
