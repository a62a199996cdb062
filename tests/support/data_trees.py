"""Tiny trees of exactly the layouts that the published sets have."""

import csv

import numpy as np
import soundfile

RATE = 8000


def tones(number, samples, rate=RATE):
    """Speech for a test: three tones that wax and wane, other ones for each number."""
    time = np.arange(samples) / rate
    waveform = sum(np.sin(2 * np.pi * (150 + 37 * number) * k * time + k) for k in (1, 2.3, 3.1))
    return 0.1 * waveform * (1 + 0.5 * np.sin(2 * np.pi * 1.7 * time + number))


def write_audio(path, waveform, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate)


def make_speakers(root, parts, clips=2, samples=10000, suffix="flac"):
    """``parts``: {part: names of speakers}."""
    number = 0
    for part, names in parts.items():
        for name in names:
            for clip in range(clips):
                number += 1
                path = root / part / name / f"{name}-{clip}.{suffix}"
                write_audio(path, tones(number, samples))
    return root


def make_librimix(root, subsets=("train-360", "train-100", "dev", "test"), mixtures=3, sources=2,
                  rate=RATE, mode="min", samples=9000):
    """As create_librimix_from_metadata.py of LibriMix writes it, for all of its types.

    The paths in the csv files are those of another machine. Mixture i is of the speakers i + 1 to
    i + sources, with an offset for each subset.
    """
    folder = root / f"wav{rate // 1000}k" / mode
    for offset, subset in enumerate(subsets):
        rows = {"mix_clean": [], "mix_both": [], "mix_single": []}
        for number in range(mixtures):
            speakers = [100 * (offset + 1) + number + source for source in range(sources)]
            mixture_id = "_".join(f"{speaker}-1{number}-0000" for speaker in speakers)
            waveforms = [tones(speaker, samples, rate) for speaker in speakers]
            noise = np.random.default_rng(number).normal(0, 0.01, samples)
            files = {f"s{i + 1}": waveform for i, waveform in enumerate(waveforms)}
            files |= {
                "noise": noise, "mix_clean": sum(waveforms), "mix_both": sum(waveforms) + noise,
                "mix_single": waveforms[0] + noise,
            }
            for name, waveform in files.items():
                write_audio(folder / subset / name / f"{mixture_id}.wav", waveform, rate)
            there = f"/elsewhere/Libri{sources}Mix/wav{rate // 1000}k/{mode}/{subset}"
            for mix, listed in rows.items():
                row = {"mixture_ID": mixture_id, "mixture_path": f"{there}/{mix}/{mixture_id}.wav"}
                for i in range(1 if mix == "mix_single" else sources):
                    row[f"source_{i + 1}_path"] = f"{there}/s{i + 1}/{mixture_id}.wav"
                if mix != "mix_clean":
                    row["noise_path"] = f"{there}/noise/{mixture_id}.wav"
                listed.append(row | {"length": samples})
        (folder / "metadata").mkdir(exist_ok=True)
        for mix, listed in rows.items():
            with open(folder / "metadata" / f"mixture_{subset}_{mix}.csv", "w") as file:
                writer = csv.DictWriter(file, listed[0])
                writer.writeheader()
                writer.writerows(listed)
    return root


MUSDB_STEMS = ("drums", "bass", "other", "vocals")
TRACKS = {
    "train": ("A Band - One", "B Band - Two", "Leaf - Summerghost"),
    "test": ("C Band - Three",),
}


def make_stems(root, tracks=None, stems=MUSDB_STEMS, mixture=True, samples=30000, suffix="wav"):
    """The tree of MUSDB18-HQ; its tracks are stereo."""
    number = 0
    for part, names in (tracks or TRACKS).items():
        for name in names:
            waveforms = {}
            for stem in stems:
                number += 1
                waveforms[stem] = tones(number, samples)[:, np.newaxis] * (0.5, 0.4)
            if mixture:
                waveforms["mixture"] = sum(waveforms.values())
            for stem, waveform in waveforms.items():
                write_audio(root / part / name / f"{stem}.{suffix}", waveform)
    return root


def make_named_sources(root, part="train", names=("voice", "background"), samples=5000):
    """Two speakers of the first source; of each other one two clips in a folder, one without."""
    number = 0
    for name in names:
        groups = ("anna", "anna", "bob", "bob") if name == names[0] else ("music", "music", "")
        for clip, group in enumerate(groups):
            number += 1
            file = f"{clip}.flac" if group else "rain.flac"
            write_audio(root / part / name / group / file, tones(number, samples))
    return root
