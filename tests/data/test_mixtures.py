from fqss_tf.data.mixtures import ReadWhenUsed


def test_entries_are_read_at_each_use_alone():
    read = []
    items = ReadWhenUsed([1, 2, 3, 4], lambda entry: read.append(entry) or 10 * entry)
    assert len(items) == 4
    part = items[1::2]
    assert read == [] and len(part) == 2
    assert (part[1], list(part), items[0]) == (40, [20, 40], 10)
    assert read == [4, 2, 4, 1]
