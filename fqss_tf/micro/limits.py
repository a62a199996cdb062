"""The codes that an activation leaves."""

from fqss_tf.micro.graph import Op

NO_ACTIVATION = 0
RELU = 1


def least_code(op: Op) -> int:
    """Returns the least code of an output; the largest is 127.

    Raises:
        FqssError: an activation that plain C has not.
    """
    activation = op.options.get("fusedActivationFunction", NO_ACTIVATION)
    if activation not in (NO_ACTIVATION, RELU):
        op.refuse(f"has the activation {activation}, plain C knows ReLU only")
    return max(-128, op.output.zero_point) if activation == RELU else -128
