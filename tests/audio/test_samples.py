import numpy as np
import pytest

from fqss_tf import audio
from fqss_tf.audio.samples import by_type, check_shape
from fqss_tf.errors import FqssError

EIGHTS = np.arange(-128, 128, 8) / 128


@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", "<i4", ">i4", "<f4", ">f4", ">f8"])
def test_each_type_has_its_full_scale(dtype):
    scales = {"u1": 2**7, "i1": 2**7, "i2": 2**15, "i4": 2**31}
    scale = scales.get(dtype[-2:], 1)
    given = (EIGHTS * scale + (128 if dtype == "u1" else 0)).astype(dtype)
    found = by_type(given)
    assert found.dtype.isnative
    if found.dtype == np.int16:
        found = found / 2**15
    assert np.array_equal(found, EIGHTS)


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.uint32, bool, complex, object, "U2"])
def test_types_without_a_full_scale_are_refused(tmp_path, dtype):
    given = np.ones(4).astype(dtype)
    for take in (by_type, lambda samples: audio.write(tmp_path / "a.wav", samples, 8000)):
        with pytest.raises(FqssError, match="no full scale"):
            take(given)


@pytest.mark.parametrize("shape, message", [
    ((), "has shape"), ((2, 3, 4), "has shape"), ((2, 8000), "transpose"), ((1, 100), "transpose"),
])  # fmt: skip
def test_wrong_shapes_are_refused(shape, message):
    with pytest.raises(FqssError, match=message):
        check_shape(np.zeros(shape))


@pytest.mark.parametrize("shape", [(1,), (8000, 2), (1, 6), (100, 64)])
def test_right_shapes_pass(shape):
    check_shape(np.zeros(shape))
