"""The hub is stood in for by a folder: what would be uploaded is copied there."""

import shutil
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
