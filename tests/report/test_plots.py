import io

import pytest
from matplotlib.image import imread

from fqss_tf.benchmark.op_times import NodeTime, OpTimes
from fqss_tf.report import plots


def drawn(function, *arguments):
    """The picture as [height, width, channels]."""
    target = io.BytesIO()
    function(*arguments, target)
    target.seek(0)
    return imread(target)


def points(count):
    return [
        {"name": f"model {n}", "milliseconds": 2.0**n, "si_sdr": float(n)} for n in range(count)
    ]


def colours(picture):
    return {tuple(int(round(value * 255)) for value in pixel) for row in picture for pixel in row}


def rgb(text):
    return (*(int(text[start : start + 2], 16) for start in (1, 3, 5)), 255)


@pytest.mark.parametrize("count", [1, 2, 25])
def test_any_number_of_models_has_its_legend(count):
    picture = drawn(plots.quality_against_latency, points(count))
    assert picture.shape[0] == int((3.4 + 0.2 * count) * 150)
    assert rgb(plots.METHOD_COLOURS["float"]) in colours(picture)


def times(*nodes):
    return OpTimes(tuple(NodeTime(*node) for node in nodes), 1.0)


def named(one):
    return lambda target: plots.op_times(one, "a model", target)


def test_bars_have_the_colour_of_who_computes():
    inside, outside = rgb(plots.METHOD_COLOURS["fqss"]), rgb(plots.METHOD_COLOURS["ptq"])
    only = colours(drawn(named(times(("Add", 1, 2.0)))))
    assert inside in only and outside not in only
    both = colours(drawn(named(times(("Add", 1, 2.0), ("RSQRT", None, 1.0)))))
    assert {inside, outside} <= both


def test_ops_too_fast_to_be_timed_are_drawn():
    assert drawn(named(times(("Add", 1, 0.0), ("RSQRT", None, 0.0)))).size


def test_many_kinds_of_ops_end_in_one_bar():
    many = drawn(named(times(*((f"op {n}", 1, float(n + 1)) for n in range(40)))))
    limit = drawn(named(times(*((f"op {n}", 1, float(n + 1)) for n in range(plots.MOST_BARS)))))
    assert many.shape[0] - limit.shape[0] == pytest.approx(0.32 * 150, abs=1)


def test_dollars_and_underscores_in_a_name_are_shown():
    plain, dollars = (drawn(plots.quality_against_latency, [{**points(1)[0], "name": name}])
                      for name in ("a", "a$_$b"))
    assert dollars.shape == plain.shape and (dollars != plain).any()
    first, second = (drawn(plots.quality_against_latency, [{**points(1)[0], "name": name}])
                     for name in ("_m.tflite", "_n.tflite"))
    assert (first != second).any()  # a legend without them would be the same
