from fqss_tf.evaluation import ModelScore, UtteranceScore, snr_sweep, snr_table


def score(name, gain):
    """Two mixtures at 10 dB and one at -5 dB, of which the voice gains so much."""
    rows = [
        UtteranceScore(str(number), snr, (snr + gained, 1.0), (float(snr), float(-snr)))
        for number, (snr, gained) in enumerate(((10, gain), (-5, 2 * gain), (10, gain + 2)))
    ]
    return ModelScore(name, rows, 1.0, 1.0, ("voice", "background"))


def test_the_gain_of_the_first_source_is_averaged_at_each_snr():
    assert snr_sweep(score("float", 3.0)) == [
        {"input_snr": -5, "si_sdri": 6.0}, {"input_snr": 10, "si_sdri": 4.0}
    ]


def test_the_table_has_the_gain_of_the_first_model_and_the_losses_of_the_others():
    sweep = [
        {"method": method, **row, "drop": loss}
        for method, gain, loss in (("float", 3.0, 0.0), ("ptq", 2.5, 0.5), ("fqss", 2.9, 0.1))
        for row in snr_sweep(score(method, gain))
    ]
    assert snr_table(sweep).splitlines() == [
        "input SNR (dB)  float  ptq loses  fqss loses",
        "            -5  +6.00       0.50        0.10",
        "            10  +4.00       0.50        0.10",
    ]
