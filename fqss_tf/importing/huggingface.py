"""Files of a repository of Hugging Face, by its own library, checked by their checksums.

The library is the extra ``hub`` of the package: ``pip install 'fqss-tf[hub]'``. It keeps its own
cache, and goes by its own environment: HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE, HF_TOKEN.
"""

import hashlib
import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fqss_tf.errors import FqssError
from fqss_tf.importing.download import has_checksum

CARD = "README.md"


class UnknownRepositoryError(FqssError):
    """No such repository, or a private one."""


def repository(name: str, needed: Sequence[str], wanted: Sequence[str] = ()) -> Path:
    """Returns a folder with files of a repository, as they are now, or else in the cache.

    Args:
        name: ``OWNER/REPOSITORY``.
        needed: names of files.
        wanted: files that may be missing there.

    Raises:
        UnknownRepositoryError: Hugging Face knows no such repository.
        FqssError: the library is missing, a needed file is, it cannot be reached and the cache does
            not have it, or a file has another checksum; then it is not kept.
    """
    folder = _downloaded(name, needed[0], None).parent
    # All are of one commit, whose folder has its name.
    for file in needed[1:]:
        _downloaded(name, file, folder.name)
    for file in wanted:
        try:
            _downloaded(name, file, folder.name)
        except _MissingFileError:
            pass
    return folder


def page_of(name: str) -> str:
    """Returns the address of a repository, at the server that the environment names."""
    endpoint: str = _library("constants").ENDPOINT
    return f"{endpoint}/{name}"


def license_of(folder: Path) -> str | None:
    """Returns what the model card in a folder states as the license; None if none does."""
    card = folder / CARD
    if not card.is_file():
        return None
    try:
        stated = _library().metadata_load(card) or {}
    # The card is text of somebody else, whatever the library makes of it.
    except Exception:
        return None
    license_name, link = stated.get("license_name"), stated.get("license_link")
    named = " ".join(str(part) for part in (license_name, link) if part)
    return named or (str(stated["license"]) if stated.get("license") else None)


class _MissingFileError(FqssError):
    """The repository, or the cache where there is no network, has no such file."""


def _downloaded(name: str, file: str, revision: str | None) -> Path:
    library, errors = _library(), _library("errors")
    endpoint = _library("constants").ENDPOINT
    cached_only = False
    try:
        # The library itself would try for half a minute, and then look into its cache.
        library.get_hf_file_metadata(library.hf_hub_url(name, file, revision=revision))
    except errors.GatedRepoError as error:
        raise FqssError(
            f"{endpoint}/{name} is for those who have accepted its terms there: do so, and log in "
            "by hf auth login"
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise UnknownRepositoryError(f"{endpoint} has no public repository {name}") from error
    except errors.EntryNotFoundError as error:
        raise _MissingFileError(f"{endpoint}/{name} has no {file}") from error
    # Of the network, in as many kinds as the libraries below have.
    except Exception:
        cached_only = True
    try:
        path = library.hf_hub_download(name, file, revision=revision, local_files_only=cached_only)
    except errors.LocalEntryNotFoundError as error:
        raise _MissingFileError(
            f"cannot reach {endpoint}, and {file} of {name} is not in its cache: run this again "
            "with a network, or get the files elsewhere and import them"
        ) from error
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FqssError(f"cannot download {file} of {endpoint}/{name}: {reason}") from error
    _check(Path(path), f"{endpoint}/{name}/{file}")
    return Path(path)


def _check(path: Path, source: str) -> None:
    """Refuses a file whose content is not what its name in the cache, its checksum, says."""
    content = path.resolve()
    if re.fullmatch("[0-9a-f]{64}", content.name):
        is_right = has_checksum(content, content.name)
    elif re.fullmatch("[0-9a-f]{40}", content.name):
        is_right = _git_checksum(content.read_bytes()) == content.name
    else:
        raise FqssError(
            f"{path} has no checksum, because the cache of Hugging Face has no symbolic links "
            "here: import that file, if you trust it"
        )
    if not is_right:
        path.unlink()
        content.unlink()
        raise FqssError(f"{source} is refused: its checksum is not {content.name}, which is stated")


def _git_checksum(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _library(part: str | None = None) -> Any:
    try:
        return importlib.import_module(f"huggingface_hub.{part}" if part else "huggingface_hub")
    except ImportError as error:
        raise FqssError(
            "checkpoints of Hugging Face need the package huggingface_hub, which is missing or "
            f"incomplete ({error}): pip install 'fqss-tf[hub]'"
        ) from error
