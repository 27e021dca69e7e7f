import json
import os
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.core.files import cache_home
from reverie.data.memo import content_digest, remember, sealed, stat_digest, unsealed
from reverie.data.source import Source, of_files
from tests.fuzzing import assert_only_user_errors, damaged_bytes, named, rounds


def source_of(root: Path) -> Source:
    return of_files("folder", root, sorted(root.glob("*.png")))


def test_the_digest_of_stats_changes_with_the_file(photos) -> None:
    root = photos(2)
    first = stat_digest(source_of(root))
    assert stat_digest(source_of(root)) == first
    os.utime(root / "000.png", (1, 1))
    assert stat_digest(source_of(root)) != first


def test_another_content_of_equal_size_and_time_is_noticed(photos) -> None:
    root = photos(2)
    first, file = content_digest(source_of(root)), root / "000.png"
    before, content = file.stat(), bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert content_digest(source_of(root)) == source_of(root).digest() != first


def test_links_that_change_places_are_noticed(tmp_path: Path, photos) -> None:
    store, root = photos(2), tmp_path / "links"
    root.mkdir()
    for name, target in (("a.png", "000.png"), ("b.png", "001.png")):
        (root / name).symlink_to(store / target)
    first = content_digest(source_of(root))
    (root / "a.png").rename(root / "aa.png")
    assert content_digest(source_of(root)) == source_of(root).digest() != first


def test_contents_are_read_once(photos, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(photos(2))
    first = content_digest(source)
    assert first == source.digest()
    object.__setattr__(source, "digest", lambda: pytest.fail("the files were read"))
    assert content_digest(source) == first


def test_damage_is_noticed_and_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    file = cache_home() / "digests" / "key.json"
    assert remember("digests", "key", lambda: [1, 0.5]) == [1, 0.5]
    for content in (b"", b"{", b"\xff", b"[]", b"{}", bytes(90), file.read_bytes()[:-9]):
        file.write_bytes(content)
        assert remember("digests", "key", lambda: [1, 0.5]) == [1, 0.5]
        assert f"{file} is damaged: the images are read again" in capsys.readouterr().err
        assert remember("digests", "key", lambda: [2]) == [1, 0.5]
        assert capsys.readouterr().err == ""


def test_a_cache_that_cannot_be_written_is_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "file" / "below"))
    assert [remember("looks", "key", lambda n=n: n) for n in (1, 2)] == [1, 2]


def test_a_seal_is_of_the_content() -> None:
    assert unsealed(sealed({"b": [1, "é\udce9"], "a": None})) == {"b": [1, "é\udce9"], "a": None}
    with pytest.raises(ValueError, match="changed"):
        unsealed(sealed({"a": 1}).replace("1", "2", 1))
    with pytest.raises(ValueError, match="deeply"):
        unsealed("[" * 100_000)


def test_files_that_are_gone_are_named(photos) -> None:
    source = source_of(photos(2))
    source.files[1].unlink()
    with pytest.raises(UserError, match=r"001\.png: it cannot be read \(No such file"):
        content_digest(source)


@rounds(100, 3_000)
def test_fuzzed_digests(count: int, seed: int) -> None:
    """Whatever is there, what is remembered is right."""
    file = cache_home() / "digests" / "key.json"
    remember("digests", "key", lambda: "right")

    def check(path: Path) -> None:
        assert remember("digests", "key", lambda: "right") == "right"

    content = file.read_bytes()
    assert json.loads(content)["value"] == "right"
    assert_only_user_errors(check, named(file, damaged_bytes(content, count, seed)))
