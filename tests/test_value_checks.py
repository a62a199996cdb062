from types import SimpleNamespace

import pytest

from fqss_tf.errors import FqssError
from fqss_tf.value_checks import check_choices, check_least, check_positive, check_shares

VALUES = SimpleNamespace(kind="a", count=1, share=1.0, rate=1e-9, unknown=float("nan"))


def test_values_within_their_limits_pass():
    check_choices("{}", VALUES, {"kind": ("a", "b")})
    check_least("{}", VALUES, {"count": 1})
    check_positive("{}", VALUES, "rate")
    check_shares("{}", VALUES, "share")


@pytest.mark.parametrize(("check", "message"), [
    (lambda: check_choices("data.{}", VALUES, {"kind": ("", "b")}), "data.kind 'a' is un"),
    (lambda: check_least("{} of a stage", VALUES, {"count": 2}), "count of a stage is 1: it must"),
    (lambda: check_least("{}", VALUES, {"unknown": 0}), "unknown is nan: it must be at least 0"),
    (lambda: check_positive("{}", VALUES, "unknown"), "unknown is nan: it must be above 0"),
    (lambda: check_shares("{}", VALUES, "count", "unknown"), "unknown is nan: it must be from 0"),
])
def test_others_are_named(check, message):
    with pytest.raises(FqssError, match=message):
        check()
