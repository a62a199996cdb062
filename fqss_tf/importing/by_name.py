"""Published checkpoints by their names: where they are, and what their publishers state."""

import contextlib
import dataclasses
import difflib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fqss_tf.errors import FqssError
from fqss_tf.importing.checkpoint import SPEECHBRAIN_FILES
from fqss_tf.importing.download import cache_folder, downloaded
from fqss_tf.importing.huggingface import (
    CARD,
    UnknownRepositoryError,
    license_of,
    page_of,
    repository,
)
from fqss_tf.importing.speechbrain_folder import HYPERPARAMS

# Deezer's archives by the SHA-256 in the checksum.json of the release, which spleeter's own test
# repeats. Its paper says that the code and the models are distributed under the MIT license.
SPLEETER_RELEASE = "deezer/spleeter/releases/download/v1.4.0"
SPLEETER_SHA256 = {
    "2stems": "f3a90b39dd2874269e8b05a48a86745df897b848c61f3958efc80a39152bd692",
    "4stems": "3adb4a50ad4eb18c7c4d65fcf4cf2367a07d48408a5eb7d03cd20067429dfaa8",
    "5stems": "25a1e87eb5f75cc72a4d2d5467a0a50ac75f05611f877c278793742513cc7218",
}
SPLEETER_LICENSE = "MIT"
SPLEETER_FILES = ("checkpoint", "model.index", "model.data-00000-of-00001")
# Files of the hybrid transformers in demucs' list of remote files. Their names end with the first
# digits of their SHA-256.
DEMUCS_FOLDER = "https://dl.fbaipublicfiles.com/demucs/hybrid_transformer"
DEMUCS_FILES = {"htdemucs": "955717e8-8726e21a.th"}
ASTEROID_FILE = "pytorch_model.bin"
SPEECHBRAIN = "speechbrain"

# Names to suggest where somebody mistypes one. Other repositories of Hugging Face are taken, too.
ASTEROID_REPOSITORIES = (
    "JorisCos/ConvTasNet_Libri1Mix_enhsingle_16k",
    "JorisCos/ConvTasNet_Libri2Mix_sepclean_8k",
    "JorisCos/ConvTasNet_Libri2Mix_sepclean_16k",
    "JorisCos/ConvTasNet_Libri2Mix_sepnoisy_8k",
    "JorisCos/ConvTasNet_Libri2Mix_sepnoisy_16k",
    "JorisCos/ConvTasNet_Libri3Mix_sepclean_8k",
    "JorisCos/ConvTasNet_Libri3Mix_sepclean_16k",
    "JorisCos/ConvTasNet_Libri3Mix_sepnoisy_8k",
    "JorisCos/ConvTasNet_Libri3Mix_sepnoisy_16k",
    "JorisCos/DPRNNTasNet-ks2_Libri1Mix_enhsingle_16k",
    "JorisCos/DPTNet_Libri1Mix_enhsingle_16k",
    "mpariente/ConvTasNet_Libri1Mix_enhsingle_8k",
    "mpariente/ConvTasNet_WHAM_sepclean",
    "mpariente/DPRNNTasNet-ks2_WHAM_sepclean",
    "julien-c/DPRNNTasNet-ks16_WHAM_sepclean",
)
SPEECHBRAIN_REPOSITORIES = (
    "sepformer-libri2mix",
    "sepformer-libri3mix",
    "sepformer-wham",
    "sepformer-wham-enhancement",
    "sepformer-wham16k-enhancement",
    "sepformer-whamr",
    "sepformer-whamr-enhancement",
    "sepformer-whamr16k",
    "sepformer-wsj02mix",
    "sepformer-wsj03mix",
    "sepformer-dns4-16k-enhancement",
)
KNOWN = {
    "spleeter": tuple(SPLEETER_SHA256),
    "demucs": tuple(DEMUCS_FILES),
    "asteroid": ASTEROID_REPOSITORIES,
    SPEECHBRAIN: SPEECHBRAIN_REPOSITORIES,
}


@dataclasses.dataclass(frozen=True)
class Published:
    """A checkpoint that was got by its name.

    ``name``: ``PUBLISHER:CHECKPOINT``. ``url``: of its page or archive. ``license``: as its
    publisher states it; None where nothing was found. ``path``: where it lies now.
    """

    name: str
    url: str
    license: str | None
    path: Path


def is_name(text: str) -> bool:
    """Tells whether a text is the name of a checkpoint and not the path of one."""
    return ":" in text and not Path(text).exists()


@contextlib.contextmanager
def published(name: str) -> Iterator[Published]:
    """Yields a checkpoint that its publisher has on the web, from the cache if it is there.

    Args:
        name: ``PUBLISHER:CHECKPOINT`` as in ``KNOWN``; of asteroid and speechbrain any repository
            of Hugging Face that is laid out like theirs.

    Raises:
        FqssError: no such name, and which is nearest; it cannot be had, or has another checksum
            than its publisher states.
    """
    publisher, _, checkpoint = name.partition(":")
    if publisher not in KNOWN or not checkpoint:
        raise FqssError(f"there is no checkpoint {name}: {_nearest(name)}")
    if publisher in ("spleeter", "demucs") and checkpoint not in KNOWN[publisher]:
        raise FqssError(f"there is no checkpoint {name}: {_nearest(name)}")
    if publisher == "spleeter":
        with _spleeter(name, checkpoint) as found:
            yield found
        return
    if publisher == "demucs":
        yield _demucs(name, checkpoint)
        return
    try:
        found = (_asteroid if publisher == "asteroid" else _speechbrain)(name, checkpoint)
    except UnknownRepositoryError as error:
        raise FqssError(f"{error}: {_nearest(name)}") from error
    yield found


@contextlib.contextmanager
def _spleeter(name: str, stems: str) -> Iterator[Published]:
    host = os.environ.get("GITHUB_HOST", "https://github.com")  # as in spleeter
    if not host.startswith(("https://", "http://")):
        raise FqssError(f"GITHUB_HOST is {host}: it must begin with https://")
    url = f"{host}/{SPLEETER_RELEASE}/{stems}.tar.gz"
    archive = downloaded(url, SPLEETER_SHA256[stems], cache_folder() / "spleeter")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / stems
        folder.mkdir()
        # Only these files, by their last names: an archive can write anywhere else.
        try:
            with tarfile.open(archive) as members:
                for member in members:
                    file = Path(member.name).name
                    if member.isfile() and file in SPLEETER_FILES:
                        content = members.extractfile(member)
                        assert content is not None  # of a file
                        (folder / file).write_bytes(content.read())
        except (tarfile.TarError, EOFError, OSError) as error:
            raise FqssError(f"cannot unpack {archive}: {error}") from error
        yield Published(name, url, SPLEETER_LICENSE, folder)


def _demucs(name: str, checkpoint: str) -> Published:
    file = DEMUCS_FILES[checkpoint]
    stated = Path(file).stem.partition("-")[2]
    url = f"{DEMUCS_FOLDER}/{file}"
    # demucs states a license for its code, and none for its weights.
    return Published(name, url, None, downloaded(url, stated, cache_folder() / "demucs"))


def _asteroid(name: str, checkpoint: str) -> Published:
    folder = repository(checkpoint, [ASTEROID_FILE], [CARD])
    return Published(name, page_of(checkpoint), license_of(folder), folder / ASTEROID_FILE)


def _speechbrain(name: str, checkpoint: str) -> Published:
    if "/" not in checkpoint:
        checkpoint = f"{SPEECHBRAIN}/{checkpoint}"
    files = [HYPERPARAMS, *(f"{part}.ckpt" for part in SPEECHBRAIN_FILES)]
    folder = repository(checkpoint, files, [CARD])
    return Published(name, page_of(checkpoint), license_of(folder), folder)


def _nearest(name: str) -> str:
    publisher, _, checkpoint = name.partition(":")
    if publisher in KNOWN:
        known = {each: f"{publisher}:{each}" for each in KNOWN[publisher]}
        near = difflib.get_close_matches(checkpoint, known, n=3)
        shown = list(known.values())
    else:
        every = [f"{each}:{one}" for each, names in KNOWN.items() for one in names]
        known = dict(zip(every, every, strict=True))
        near = difflib.get_close_matches(name, known, n=3)
        shown = [f"{each}:{names[0]}" for each, names in KNOWN.items()]
    if near:
        return f"did you mean {', '.join(known[each] for each in near)}?"
    return f"known are {', '.join(shown)}"
