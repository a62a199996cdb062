import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

import fqss_tf
from fqss_tf.data.bad_files import BadFilePolicy
from fqss_tf.data.make_manifest import active_rms, draw_mixtures
from fqss_tf.data.manifest import (
    Mixture,
    Segment,
    columns,
    manifest_mixtures,
    mixture_of_two,
    read_manifest,
    write_manifest,
)
from fqss_tf.errors import FqssError

BUNDLE = Path(fqss_tf.__file__).parent / "bundled" / "audio"
ROW = {
    "mixture_id": "one", "level_difference": 1.5, "path_1": "a/0.wav", "start_1": 10,
    "gain_1": 0.5, "path_2": "b/0.wav", "start_2": 20, "gain_2": 0.25, "samples": 100,
}
MIXTURE = mixture_of_two(**ROW)
NOISE = Segment("b/0.wav", 20, 0.25)


@pytest.fixture
def clip_folder(tmp_path):
    rng = np.random.default_rng(0)
    for speaker in "ab":
        (tmp_path / speaker).mkdir()
        soundfile.write(tmp_path / speaker / "0.wav", rng.uniform(-0.5, 0.5, 200), 8000)
    return tmp_path


def test_material_is_used_once_before_any_is_repeated():
    mixtures = draw_mixtures(BUNDLE / "test", "voice", {"main": (12, 5.0)}, seed=7)
    used = [(source.path, source.start) for m in mixtures for source in m.sources]
    assert len(set(used)) == len(used)


def test_another_seed_draws_other_mixtures():
    first, again, other = (
        draw_mixtures(BUNDLE / "dev", "voice", {"x": (4, 5.0)}, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_active_rms_leaves_pauses_out():
    tone = 0.5 * np.sin(np.arange(8000))
    paused = np.concatenate([tone, np.zeros(24000)])
    assert active_rms(paused, 8000) == pytest.approx(active_rms(tone, 8000), rel=1e-6)
    assert active_rms(tone, 8000) == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)


def test_manifest_round_trip(tmp_path):
    write_manifest(tmp_path / "mixtures.csv", [MIXTURE])
    assert read_manifest(tmp_path / "mixtures.csv") == [MIXTURE]
    header = (tmp_path / "mixtures.csv").read_text().splitlines()[0]
    assert header == (
        "mixture_id,level_difference,path_1,start_1,gain_1,path_2,start_2,gain_2,samples"
    )


def mixture_of(clip_folder, row):
    write_manifest(clip_folder / "mixtures.csv", [row])
    (entry,) = manifest_mixtures(clip_folder / "mixtures.csv", BadFilePolicy())
    return entry


def test_a_mixture_adds_the_scaled_segments(clip_folder):
    entry = mixture_of(clip_folder, MIXTURE)
    (waveform, sources), rate = entry.load(), entry.rate
    first, _ = soundfile.read(clip_folder / "a/0.wav")
    second, _ = soundfile.read(clip_folder / "b/0.wav")
    assert rate == 8000 and waveform.dtype == sources.dtype == np.float32
    np.testing.assert_allclose(
        waveform, 0.5 * first[10:110] + 0.25 * second[20:120], atol=1e-6
    )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_noise_is_added_but_is_no_source(clip_folder, count):
    sources = tuple(Segment("a/0.wav", start, 0.5) for start in range(count))
    entry = mixture_of(clip_folder, Mixture("one", 0.0, sources, 100, NOISE))
    mixture, read = entry.load()
    speech, _ = soundfile.read(clip_folder / "a/0.wav")
    noise, _ = soundfile.read(clip_folder / "b/0.wav")
    expected = [0.5 * speech[start : start + 100] for start in range(count)]
    np.testing.assert_allclose(read, expected, atol=1e-6)
    np.testing.assert_allclose(mixture, sum(expected) + 0.25 * noise[20:120], atol=1e-6)
    assert read_manifest(clip_folder / "mixtures.csv")[0].noise == NOISE


def test_some_rows_may_have_no_noise(clip_folder):
    noisy = Mixture("noisy", 1.5, MIXTURE.sources, 100, NOISE)
    write_manifest(clip_folder / "mixtures.csv", [MIXTURE, noisy])
    assert read_manifest(clip_folder / "mixtures.csv") == [MIXTURE, noisy]
    clean, with_noise = manifest_mixtures(clip_folder / "mixtures.csv", BadFilePolicy())
    assert clean.noise is None and with_noise.noise is not None


def test_one_source_without_noise_is_refused(clip_folder):
    with pytest.raises(FqssError, match="line 2: one is one source .* noise_path, noise_start"):
        mixture_of(clip_folder, Mixture("one", 0.0, MIXTURE.sources[:1], 100))


def test_one_source_needs_no_level_difference(clip_folder):
    header = "mixture_id,path_1,start_1,gain_1,samples,noise_path,noise_start,noise_gain"
    (clip_folder / "mixtures.csv").write_text(f"{header}\none,a/0.wav,0,1,100,b/0.wav,20,0.25\n")
    assert read_manifest(clip_folder / "mixtures.csv") == [
        Mixture("one", 0.0, (Segment("a/0.wav", 0, 1.0),), 100, NOISE)
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path_1": "a/none.wav"}, "none.wav"),
        ({"samples": 500}, "too short"),
        ({"path_2": "b/stereo.wav"}, "2 channels"),
        ({"path_2": "b/fast.wav"}, "16000 Hz"),
    ],
)
def test_a_row_names_the_bad_clip(clip_folder, change, message):
    soundfile.write(clip_folder / "b/stereo.wav", np.zeros((200, 2)), 8000)
    soundfile.write(clip_folder / "b/fast.wav", np.zeros(200), 16000)
    with pytest.raises(FqssError, match=f"line 2: .*{message}"):
        mixture_of(clip_folder, mixture_of_two(**{**ROW, **change}))
    path = clip_folder / "mixtures.csv"
    path.write_text(path.read_text().replace("\n", "\n\n\n", 1))
    with pytest.raises(FqssError, match=f"line 4: .*{message}"):
        manifest_mixtures(path, BadFilePolicy())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",".join(columns(2)) + "\n", "no mixtures"),
        ("mixture_id,samples\n", "lacks the column path_1"),
        ("mixture_id,path_1,start_1,gain_1,path_2,start_2,gain_2,samples\n", "level_difference"),
        (",".join(columns(1)) + ",noise_path\n", "lacks the column noise_start"),
        (",".join(columns(2)) + "\none,1.5,a,0,1,,0,1,100\n", "line 2: path_2 is empty"),
        (",".join(columns(2)) + "\none,1.5,a,ten,1,b,0,1,100\n", "line 2: start_1 is 'ten'"),
        (",".join(columns(2)) + "\none,1.5\n", "path_1|start_1"),
        ("\xff\xfe", "it must be a CSV file in UTF-8"),
        (",".join(columns(2)) + '\n"' + "a" * 200_000, "it must be a CSV file .field larger"),
    ],
)
def test_a_broken_manifest_is_named(tmp_path, text, message):
    path = tmp_path / "mixtures.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FqssError, match=message):
        read_manifest(path)


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(FqssError, match="mixtures.csv"):
        read_manifest(tmp_path / "mixtures.csv")


def test_too_short_clips_are_refused(clip_folder, tmp_path):
    root = tmp_path / "root"
    (root / "dev").mkdir(parents=True)
    for speaker in "ab":
        shutil.move(clip_folder / speaker, root / "dev" / speaker)
    with pytest.raises(FqssError, match="holds no clip of 4 s"):
        draw_mixtures(root, "dev", {"x": (1, 5.0)})


def test_a_table_of_another_system_is_read(tmp_path):
    path = tmp_path / "mixtures.csv"
    write_manifest(path, [MIXTURE])
    text = path.read_text().replace("a/0.wav,10", "a\\0.wav,10.0").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_manifest(path) == [MIXTURE]


@pytest.mark.parametrize("name", ["level_difference", "gain_1"])
@pytest.mark.parametrize("text", ["nan", "inf"])
def test_a_cell_that_is_not_finite_is_named(name, text, clip_folder):
    header = "mixture_id,level_difference,path_1,start_1,gain_1,samples,path_2,start_2,gain_2"
    cells = "one,0,a/0.wav,0,1,100,b/0.wav,0,1".split(",")
    row = {**dict(zip(header.split(","), cells, strict=True)), name: text}
    path = clip_folder / "mixtures.csv"
    path.write_text(f"{header}\n{','.join(row.values())}\n")
    with pytest.raises(FqssError, match=f"line 2: {name} is '{text}'"):
        read_manifest(path)
