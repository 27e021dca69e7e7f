"""The hub is stood in for by a folder, to which uploads are copied, and by a local server."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import HfApi, ModelCard
from huggingface_hub.errors import HfHubHTTPError

import reverie
from reverie.core.errors import UserError
from reverie.exports import hub
from reverie.inference import hub as loading


class Hub:
    """What `HfApi` does, with a folder in place of a server."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.status = 200

    def __call__(self) -> "Hub":
        return self

    def create_repo(self, name: str, **options: Any) -> None:
        if self.status != 200:
            response = SimpleNamespace(status_code=self.status, headers={}, request=None)
            raise HfHubHTTPError("the hub says no", response=response)  # type: ignore[arg-type]
        self.asked.append((name, options))

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> None:
        shutil.copytree(folder_path, self.root / repo_id)

    def snapshot(self, name: str, allow_patterns: list[str]) -> str:
        if not (self.root / name).exists():
            raise OSError("404: there is no such model")
        return str(self.root / name)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    fake = Hub(tmp_path / "hub")
    monkeypatch.setattr(hub, "HfApi", fake)
    monkeypatch.setattr(loading, "snapshot_download", fake.snapshot)
    return fake


@pytest.fixture
def run(tmp_path: Path) -> Path:
    out = tmp_path / "runs" / "vae"
    reverie.train(
        "vae", data="digits", out=out, steps=4, hidden=(8,), sample_every=2, evaluate_every=4
    )
    return out


def test_a_run_goes_there_and_back(there: Hub, run: Path, tmp_path: Path) -> None:
    result = reverie.push(run, "me/vae", private=True, license="cc-by-4.0", tags=("digits",))
    assert there.asked == [("me/vae", {"private": True, "exist_ok": True})]
    assert result.files == ["README.md", "config.json", "model.safetensors", "samples.png"]
    assert result.size_bytes == sum(f.stat().st_size for f in (there.root / "me/vae").iterdir())
    card = ModelCard((there.root / "me/vae/README.md").read_text())
    facts = card.data.to_dict()
    assert facts["license"] == "cc-by-4.0"
    assert facts["pipeline_tag"] == "unconditional-image-generation"
    assert facts["library_name"] == "reverie"
    assert {"reverie", "vae", "digits"} <= set(facts["tags"])
    assert "samples.png" in card.text
    assert "| frechet_distance" in card.text
    pulled = reverie.pull("hf:me/vae", tmp_path / "mine" / "vae").folder
    wanted = reverie.load(run).sample(2)
    assert (reverie.load(pulled).sample(2) == wanted).all()
    assert (reverie.load("hf:me/vae").sample(2) == wanted).all()


def test_a_pull_overwrites_nothing_and_leaves_nothing(there: Hub, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="exists already: name a new folder"):
        reverie.pull("me/vae", tmp_path / "mine")
    with pytest.raises(UserError, match=r"could not be had from the hub \(404"):
        reverie.pull("me/none", tmp_path / "new")
    (there.root / "me/broken").mkdir(parents=True)
    with pytest.raises(UserError, match=r"config\.json is missing"):
        reverie.pull("me/broken", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub", "mine"]


@pytest.mark.parametrize(
    ("status", "words"), [(401, "hf auth login"), (403, "hf auth login"), (500, "the hub says no")]
)
def test_refusals_are_one_sentence(there: Hub, status: int, words: str) -> None:
    there.status = status
    with pytest.raises(UserError, match=words) as error:
        reverie.push("digits", "me/digits")
    assert "\n" not in str(error.value)


def test_without_a_network_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(hub, "HfApi", lambda: HfApi(endpoint="http://127.0.0.1:9", token="t"))
    with pytest.raises(UserError, match="could not be uploaded") as error:
        reverie.push("digits", "me/digits")
    assert "\n" not in str(error.value)


def test_a_name_without_a_user_is_refused_before_work(there: Hub) -> None:
    with pytest.raises(UserError, match="is named user/name"):
        reverie.push("no-such-run", "digits")
    with pytest.raises(UserError, match="is named user/name"):
        reverie.pull("digits", "here")


@pytest.mark.slow
def test_with_onnx_files(there: Hub) -> None:
    result = reverie.push("digits", "me/digits", onnx=True)
    assert "model.onnx" in result.files


TOKEN = "hf_of_this_test"
LARGE = (".safetensors", ".png", ".onnx")
"""Files that the hub stores as large files (Git LFS)."""


class HubHandler(BaseHTTPRequestHandler):
    """The hub's HTTP interface, as far as models are pushed and pulled: one commit a repository."""

    server: "HubServer"  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": "Invalid username or password."})
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size) if size else self.chunks()
        hub, path = self.server, self.path
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            known = name in hub.files
            hub.private[name] = bool(asked.get("private") or asked.get("visibility") == "private")
            hub.files.setdefault(name, {})
            return self.answer(409 if known else 200, {"url": f"{hub.url}/{name}"})
        if path == "/api/validate-yaml":
            hub.cards.append(json.loads(body)["content"])
            return self.answer(200, {"errors": [], "warnings": []})
        if path.endswith("/info/lfs/objects/batch"):
            made = [
                one | {"actions": {"upload": {"href": f"{hub.url}/lfs/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            return self.answer(200, {"transfer": "basic", "objects": made})
        name, _, rest = path.removeprefix("/api/models/").partition("/preupload/")
        if rest:
            made = [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if one["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for one in json.loads(body)["files"]
            ]
            return self.answer(200, {"files": made})
        name = path.removeprefix("/api/models/").partition("/commit/")[0]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                hub.files[name][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                hub.files[name][value["path"]] = hub.large[value["oid"]]
        url = f"{hub.url}/{name}/commit/{hub.commit}"
        return self.answer(200, {"success": True, "commitUrl": url, "commitOid": hub.commit})

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        oid = self.path.removeprefix("/lfs/")
        assert hashlib.sha256(content).hexdigest() == oid
        self.server.large[oid] = content
        self.answer(200, {})

    def do_GET(self) -> None:
        hub = self.server
        if self.path.startswith("/lfs/"):
            return self.send(200, hub.large[self.path.removeprefix("/lfs/")], {})
        asked = self.path.removeprefix("/api/models/").removeprefix("/")
        name = "/".join(asked.split("/")[:2])
        allowed = self.headers.get("authorization") == f"Bearer {TOKEN}"
        if name not in hub.files or (hub.private[name] and not allowed):
            return self.answer(404, {"error": "Repository not found"}, "RepoNotFound")
        if asked.startswith(f"{name}/tree/"):
            return self.answer(200, [self.entry(*one) for one in hub.files[name].items()])
        if self.path.startswith("/api/models/"):
            siblings = [{"rfilename": file} for file in hub.files[name]]
            return self.answer(200, {"id": name, "sha": hub.commit, "siblings": siblings})
        content = hub.files[name][asked.partition(f"/resolve/{hub.commit}/")[2]]
        digest = hashlib.sha256(content).hexdigest()
        facts = {"X-Repo-Commit": hub.commit, "ETag": f'"{digest}"'}
        if digest not in hub.large:
            return self.send(200, content, facts)
        facts |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        elsewhere = hub.url.replace("127.0.0.1", "localhost")  # another host, as the hub has
        return self.send(302, b"", facts | {"Location": f"{elsewhere}/lfs/{digest}"})

    do_HEAD = do_GET

    def entry(self, path: str, content: bytes) -> dict[str, Any]:
        """A file as the hub lists it."""
        digest = hashlib.sha256(content).hexdigest()
        made = {"type": "file", "path": path, "size": len(content), "oid": digest[:40]}
        if digest in self.server.large:
            made["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
        return made

    def chunks(self) -> bytes:
        """A body that is sent in chunks."""
        made = b""
        while size := int(self.rfile.readline(), 16):
            made += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return made

    def answer(self, status: int, content: Any, error: str = "") -> None:
        named = {"X-Error-Code": error} if error else {}
        self.send(status, json.dumps(content).encode(), named)

    def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class HubServer(ThreadingHTTPServer):
    """A hub on this machine."""

    commit = "c" * 40

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.private: dict[str, bool] = {}
        self.cards: list[str] = []


@pytest.fixture
def served() -> Iterator[HubServer]:
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_over_http(served: HubServer, tmp_path: Path, environment: dict[str, str]) -> None:
    environment |= {
        "HF_ENDPOINT": served.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": TOKEN,
    }

    def reverie_says(*words: str, code: int = 0, **changes: str) -> str:
        command = [sys.executable, "-m", "reverie", *words]
        done = subprocess.run(
            command, env=environment | changes, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    push = ("push", "digits", "me/digits", "--private", "--license", "cc-by-4.0")
    assert "log in with hf auth login" in reverie_says(*push, code=2, HF_TOKEN="hf_wrong")
    for _ in range(2):  # the second time the repository exists
        assert "hf:me/digits" in reverie_says(*push)
    assert served.private == {"me/digits": True}
    assert set(served.files["me/digits"]) == {"README.md", "config.json", "model.safetensors"}
    assert "license: cc-by-4.0" in served.cards[0]
    reverie_says("pull", "me/digits", "--out", "mine")
    wanted = reverie.load("digits").sample(2)
    assert (reverie.load(tmp_path / "mine").sample(2) == wanted).all()
    reverie_says("sample", "hf:me/digits", "-n", "2", "--out", "two.png")
    assert (tmp_path / "two.png").is_file()
    hidden = ("pull", "me/digits", "--out", "other")
    assert "could not be had" in reverie_says(*hidden, code=2, HF_TOKEN="hf_wrong", HF_HOME="new")
    assert not (tmp_path / "other").exists()
