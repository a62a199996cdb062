import pytest

from fqss_tf.quantization.wrap import quantizers


@pytest.mark.parametrize("trained", [True, False])
def test_a_recipe_says_whether_ranges_are_trained(trained, untrained):
    run = untrained(f"quantization.train_ranges={str(trained).lower()}")
    found = {one.trains_range for one in quantizers(run.uncalibrated_model(run.planes))}
    assert found == {trained}
