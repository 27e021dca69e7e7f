import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.exports import web_runtime
from reverie.exports.web_runtime import MEMBERS, WEBGPU_MEMBERS, runtime_files


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that does what `npm pack` does, with small files; returns its file."""
    archive = tmp_path / "onnxruntime-web-1.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in (
            *MEMBERS.values(),
            *WEBGPU_MEMBERS.values(),
            "package/dist/ort.js",
            "package/README.md",
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            tar.addfile(entry, io.BytesIO(name.encode()))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(web_runtime, "RUNTIME", replace(web_runtime.RUNTIME, sha256=digest))
    tool = tmp_path / "bin" / "npm"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\necho $* >> {tmp_path}/words\ncp {archive} .\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    return tool


def test_it_is_downloaded_once(npm: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert runtime_files() == {name: path.encode() for name, path in MEMBERS.items()}
    asked = (tmp_path / "words").read_text().splitlines()
    assert asked == [f"pack --silent onnxruntime-web@{web_runtime.RUNTIME.version}"]


def test_the_one_with_webgpu_lies_beside_the_other(npm: Path) -> None:
    for _ in range(2):
        for webgpu, members in ((False, MEMBERS), (True, WEBGPU_MEMBERS)):
            made = runtime_files(webgpu=webgpu)
            assert made == {name: path.encode() for name, path in members.items()}


def test_without_a_network_it_is_refused(npm: Path, tmp_path: Path) -> None:
    npm.write_text("#!/bin/sh\necho no network >&2; exit 1\n")
    with pytest.raises(UserError, match=r"could not download the files of ONNX Runtime .*network"):
        runtime_files()
    assert not (tmp_path / "cache").exists()
