"""Recordings whose header does not know their length, and damaged ones."""

from common import by_ffmpeg, case, cut, joined, piped, separated, with_data_size, written


@case("two MP3 files joined by cat")
def joined_mp3(folder):
    return separated(joined(written(folder, "a.mp3")))


@case("two OGG files joined by cat")
def joined_ogg(folder):
    return separated(joined(written(folder, "a.ogg")))


@case("two FLAC files joined by cat")
def joined_flac(folder):
    return separated(joined(written(folder, "a.flac")))


@case("two WAV files joined by cat")
def joined_wav(folder):
    return separated(joined(written(folder, "a.wav")))


@case("VBR MP3 without Xing header (ffmpeg)")
def vbr_without_count(folder):
    return separated(by_ffmpeg(folder, "a.mp3", "-write_xing", "0", "-q:a", "4", "-ar", "44100"))


@case("CBR MP3 without Xing header (ffmpeg)")
def cbr_without_count(folder):
    return separated(by_ffmpeg(folder, "a.mp3", "-write_xing", "0", "-b:a", "32k"))


@case("WAV with data length 0")
def wav_without_length(folder):
    return separated(with_data_size(written(folder, "a.wav"), 0))


@case("FLAC from a pipe (ffmpeg)")
def flac_from_a_pipe(folder):
    return separated(piped(folder, "a.flac", "-f", "flac"))


@case("CAF from a pipe (ffmpeg)")
def caf_from_a_pipe(folder):
    return separated(piped(folder, "a.caf", "-f", "caf"))


def _cut_case(name, subtype=None, file_format=None):
    def refused_and_kept(folder):
        path = cut(written(folder, name, subtype=subtype, file_format=file_format))
        return f"{separated(path)}; with --keep-going {separated(path, '--keep-going')}"

    return refused_and_kept


for _name, _subtype, _format in (
    ("wav", None, None), ("aiff", None, None), ("flac", None, None), ("mp3", None, None),
    ("ogg", None, None), ("opus", "OPUS", "OGG"), ("adpcm.wav", "IMA_ADPCM", None),
):  # fmt: skip
    case(f"{_name}, second half missing")(_cut_case(f"a.{_name}", _subtype, _format))
