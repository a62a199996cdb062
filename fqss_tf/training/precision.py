"""What a float network computes in while it is trained."""

import contextlib
from collections.abc import Iterator

import tf_keras as keras

POLICIES = {"bfloat16": "mixed_bfloat16"}


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
