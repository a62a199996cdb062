"""Files from the web: resumed, checked, and kept in a cache."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

from fqss_tf.errors import FqssError
from fqss_tf.files import locked
from fqss_tf.progress import bar

BLOCK = 1 << 20
TIMEOUT = 30.0  # seconds without a byte
PARTIAL_CONTENT = 206
UNSATISFIABLE_RANGE = 416
NO_CONNECTION = (
    urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError,
)


def cache_folder() -> Path:
    """Returns where downloaded files are kept: ``fqss-tf`` in the XDG cache folder of the user."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "fqss-tf"


def downloaded(url: str, sha256: str, folder: Path) -> Path:
    """Returns the local copy of a file, which is downloaded unless it is there.

    A download that was broken off goes on where it was, in a later program, too. Its progress is
    shown by ``fqss_tf.progress``.

    Args:
        url: http or https.
        sha256: what the publisher states, 64 hex digits, or the first of them where no
            more are stated.
        folder: where the copy is kept; made if it is missing. Its name there is that in the URL.

    Raises:
        FqssError: it cannot be reached or written, or has another checksum, and then nothing is
            kept; or another program is downloading to the folder.
    """
    place = folder / url.rpartition("/")[2]
    part = place.with_name(f"{place.name}.part")
    try:
        if place.is_file():
            if has_checksum(place, sha256):
                return place
            place.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder) as is_mine:
            if is_mine is False:
                raise FqssError(
                    f"another program is downloading to {folder}: run this again when that has "
                    "ended"
                )
            _fetch(url, part)
            if not has_checksum(part, sha256):
                part.unlink()
                raise FqssError(
                    f"{url} is refused: its SHA-256 is not {sha256}, which its publisher states"
                )
            os.replace(part, place)
    except NO_CONNECTION as error:
        raise FqssError(
            f"cannot download {url} ({_reason(error)}): run this again with a network, or get the "
            "file elsewhere and import that"
        ) from error
    except OSError as error:
        raise FqssError(f"cannot keep {place}: {error.strerror or error}") from error
    return place


def has_checksum(path: Path, sha256: str) -> bool:
    """Tells whether the SHA-256 of a file begins with these hex digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest().startswith(sha256)


def _fetch(url: str, part: Path) -> None:
    """Writes what is missing of ``part``."""
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "fqss-tf"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != UNSATISFIABLE_RANGE:
            raise
        return  # all of it is there
    with response:
        if response.status != PARTIAL_CONTENT:
            done = 0  # the server begins anew
        total = done + int(response.headers.get("Content-Length", 0))
        with (
            open(part, "ab" if done else "wb") as file,
            bar(f"{part.stem} (MiB)", -(-total // BLOCK)) as watched,
        ):
            watched.update(done // BLOCK)
            for block in iter(lambda: _received(response), b""):
                file.write(block)
                done += len(block)
                watched.update(1)
    if done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _received(response: http.client.HTTPResponse) -> bytes:
    """The next block; what the network raises is no fault of the file that it goes to."""
    try:
        return response.read(BLOCK)
    except OSError as error:
        raise urllib.error.URLError(error) from error


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return f"the connection ended {error.expected} bytes too early"
    if isinstance(error, urllib.error.HTTPError):
        return str(error)
    return str(getattr(error, "reason", error)) or type(error).__name__
