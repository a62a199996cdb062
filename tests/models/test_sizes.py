import pytest

from fqss_tf.errors import FqssError
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.dptnet.sizes import DPTNetConfig


@pytest.mark.parametrize("sizes, message", [
    (ConvTasNetConfig(filters=16, kernel=32), "model.filters 16 is below model.kernel 32"),
    (DPTNetConfig(residual="frames"), "model.residual frames is for comparing with FQSS"),
])
def test_sizes_whose_second_output_plane_cannot_be_trained(sizes, message):
    sizes.check_output_planes(1)
    with pytest.raises(FqssError, match=message):
        sizes.check_output_planes(2)
