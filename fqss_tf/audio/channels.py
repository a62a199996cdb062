"""Several channels as one, so that nothing of the sound is lost."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fqss_tf.types import Samples

SILENT = 1e-5  # of the energy of the loudest channel: 50 dB below it
ABOUT_AS_LOUD = 0.8  # of the energy
OPPOSITE = -0.5  # correlation with the loudest channel


def downmix_signs(blocks: Iterable[Samples]) -> NDArray[np.int8]:
    """Finds how the channels of a recording have to be added up.

    Args:
        blocks: the recording, [samples, channels] each.

    Returns:
        int8 [channels]: 1; -1 of a channel that is the opposite of the loudest one (the first of
        some that are about as loud); 0 of a silent one. All 1 if all are silent, and none of no
        blocks.
    """
    covariance: NDArray[Any] | None = None
    for block in blocks:
        samples = block.astype(np.float64)
        product = samples.T @ samples
        covariance = product if covariance is None else covariance + product
    if covariance is None:
        return np.ones(0, np.int8)
    energies = np.diag(covariance)
    loudest = int(np.argmax(energies >= ABOUT_AS_LOUD * energies.max()))
    if not energies[loudest] > 0:
        return np.ones(len(energies), np.int8)
    is_heard = energies > SILENT * energies[loudest]
    limits = OPPOSITE * np.sqrt(energies * energies[loudest])
    return np.where(covariance[loudest] < limits, -1, 1).astype(np.int8) * is_heard


def mono(waveform: Samples, signs: NDArray[np.int8] | None = None) -> Samples:
    """Averages the channels that are heard: [samples] or [samples, channels] -> [samples].

    Args:
        waveform: int16 or floats, which the result is too.
        signs: as ``downmix_signs`` finds them; None: all channels as they are.
    """
    if waveform.ndim == 1:
        return waveform
    if waveform.shape[1] == 1:
        return waveform[:, 0]
    if signs is None or (signs == 1).all():
        mean = waveform.mean(axis=1, dtype=np.float64)
    else:
        mean = (waveform.astype(np.float64) * signs).sum(axis=1) / np.count_nonzero(signs)
    if waveform.dtype == np.int16:
        return np.clip(np.round(mean), -(2**15), 2**15 - 1).astype(np.int16)
    return mean.astype(waveform.dtype)
