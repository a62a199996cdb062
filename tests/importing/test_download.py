"""A file comes whole, once, and with the checksum that was stated; or one plain error comes."""

import errno
import hashlib
import http.client
import ssl

import pytest
from publisher import publishing

from fqss_tf.errors import FqssError
from fqss_tf.files import locked
from fqss_tf.importing.download import cache_folder, downloaded

CONTENT = bytes(range(256)) * 9000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def publisher():
    with publishing() as started:
        started.files["/models/a.tar.gz"] = CONTENT
        yield started


@pytest.fixture
def url(publisher):
    return f"{publisher.url}/models/a.tar.gz"


@pytest.mark.parametrize("digits", [64, 8])
def test_a_file_is_downloaded_once(publisher, url, tmp_path, digits):
    folder = tmp_path / "made" / "for it"
    for _ in range(2):
        place = downloaded(url, SHA256[:digits], folder)
        assert place.read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["a.tar.gz"]
    assert publisher.sent("a.tar.gz") == [None]


def test_two_programs_do_not_write_one_download(publisher, url, tmp_path):
    part = tmp_path / "a.tar.gz.part"
    part.write_bytes(CONTENT[:1000])
    with locked(tmp_path):
        with pytest.raises(FqssError, match="another program is downloading to .*: run this again"):
            downloaded(url, SHA256, tmp_path)
        assert part.read_bytes() == CONTENT[:1000]
    assert downloaded(url, SHA256, tmp_path).read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_was(publisher, url, tmp_path):
    publisher.ends_after["/models/a.tar.gz"] = 1_500_000
    with pytest.raises(FqssError, match=r"cannot download .*a\.tar\.gz \(the connection ended "
                                        r"804000 bytes too early\): run this again"):
        downloaded(url, SHA256, tmp_path)
    assert downloaded(url, SHA256, tmp_path).read_bytes() == CONTENT
    assert publisher.sent("a.tar.gz") == [None, "bytes=1500000-"]


@pytest.mark.parametrize("error", [
    ssl.SSLError(1, "bad record mac"), OSError(errno.EHOSTUNREACH, "No route to host"),
])
def test_a_fault_of_the_network_is_none_of_the_disk(url, tmp_path, monkeypatch, error):
    blocks = [CONTENT[:1000]]

    def read(response, size):
        if blocks:
            return blocks.pop()
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(http.client.HTTPResponse, "read", read)
        with pytest.raises(FqssError, match=rf"cannot download .*{error.strerror}.*run this again"):
            downloaded(url, SHA256, tmp_path)
    assert downloaded(url, SHA256, tmp_path).read_bytes() == CONTENT


def test_a_moved_file_goes_on_at_its_new_place(publisher, url, tmp_path):
    publisher.files["/elsewhere"] = publisher.files.pop("/models/a.tar.gz")
    publisher.moved["/models/a.tar.gz"] = "/elsewhere"
    (tmp_path / "a.tar.gz.part").write_bytes(CONTENT[:1000])
    assert downloaded(url, SHA256, tmp_path).read_bytes() == CONTENT
    assert publisher.sent("/elsewhere") == ["bytes=1000-"]


def test_a_whole_part_is_not_asked_for_again(publisher, url, tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(CONTENT)
    assert downloaded(url, SHA256, tmp_path).read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("part", [b"", b"other bytes", CONTENT + b"more"])
def test_another_checksum_is_refused_and_nothing_kept(publisher, url, tmp_path, part):
    if part:
        (tmp_path / "a.tar.gz.part").write_bytes(part)
    expected = SHA256 if part else "0" * 64
    with pytest.raises(FqssError, match=f"is refused: its SHA-256 is not {expected}"):
        downloaded(url, expected, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_copy_is_got_anew(publisher, url, tmp_path):
    downloaded(url, SHA256, tmp_path).write_bytes(b"damaged")
    assert downloaded(url, SHA256, tmp_path).read_bytes() == CONTENT


def test_what_is_not_there_and_who_does_not_answer_are_named(publisher, tmp_path):
    with pytest.raises(FqssError, match=r"none\.tar\.gz \(HTTP Error 404: Not Found\)"):
        downloaded(f"{publisher.url}/none.tar.gz", SHA256, tmp_path)
    with pytest.raises(FqssError, match="Connection refused.*import that"):
        downloaded("http://127.0.0.1:9/a.tar.gz", SHA256, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(publisher, url, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FqssError, match="cannot keep .*a.tar.gz: "):
        downloaded(url, SHA256, tmp_path / "file")


def test_the_cache_is_that_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "fqss-tf"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "fqss-tf"
