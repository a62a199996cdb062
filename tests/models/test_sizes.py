import pytest

from fqss_tf.errors import FqssError
from fqss_tf.models.convtasnet.sizes import ConvTasNetConfig
from fqss_tf.models.dptnet.sizes import DPTNetConfig

FEW_FILTERS = ConvTasNetConfig(filters=16, kernel=32)
CAUSAL = ConvTasNetConfig(norm="batch", causal=True)


@pytest.mark.parametrize("sizes, planes, residual, message", [
    (FEW_FILTERS, 2, "samples", "model.filters 16 is below model.kernel 32"),
    (DPTNetConfig(), 2, "frames", "quantization.residual frames is for comparing with FQSS"),
    (DPTNetConfig(), 3, "exact", "quantization.output_planes is 3: use 2 at most"),
    (CAUSAL, 2, "samples", "a causal network has exact alone"),
])
def test_output_planes_that_cannot_be_trained(sizes, planes, residual, message):
    sizes.check_output_planes(1, residual)
    with pytest.raises(FqssError, match=message):
        sizes.check_output_planes(planes, residual)


@pytest.mark.parametrize("sizes", [FEW_FILTERS, DPTNetConfig(), CAUSAL])
def test_two_exact_planes_suit_every_network(sizes):
    sizes.check_output_planes(2)


def test_the_published_form_has_any_number_of_planes():
    DPTNetConfig().check_output_planes(3, "samples")
