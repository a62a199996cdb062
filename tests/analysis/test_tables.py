from fqss_tf.analysis.tables import bits_table, tensor_table


def entry(tensor, kind, loss):
    return {"tensor": tensor, "kind": kind, "loss": loss, "sqnr": 40.0, "own_sqnr": None,
            "clipped": None, "used": 0.5}


def test_input_and_output_are_shown_wherever_they_rank():
    entries = [entry(f"layer_{n}", "activation", 0.1) for n in range(20)]
    entries += [entry("output", "output", -0.0001)]
    lines = list(tensor_table(entries))
    assert len(lines) == 2 + 8 + 1
    assert lines[-1].split("|")[1:4] == ["   21 ", " output  ", "     0.000 "]
    assert lines[-1].split("|")[-2].strip() == "50"


def test_each_cell_has_loss_prediction_and_share():
    row = {"bits": 8, "loss": 0.25, "predicted_loss": 0.2, "within": 0.9, "bound_loss": 0.07}
    rows = [row | {"part": part} for part in ("input", "output", "weights", "activations", "all")]
    *_, line = bits_table(rows)
    assert line.count("0.250 (0.200) 90 %") == 5 and "0.070" in line
