import pytest

from fqss_tf.text_table import aligned

ROWS = [("model", "dB", ""), ("a", "10.5", "x")]


def test_text_is_on_the_left_and_numbers_are_on_the_right():
    assert list(aligned(ROWS, numbers_from=1)) == ["model    dB", "a      10.5  x"]


def test_all_text_leaves_no_spaces_at_the_end_of_a_line():
    assert list(aligned(ROWS)) == ["model  dB", "a      10.5  x"]


def test_rows_have_as_many_cells():
    with pytest.raises(ValueError):
        list(aligned([("a", "b"), ("c",)]))
