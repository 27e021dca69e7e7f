import json
import shutil
import zipfile
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.inference.latent.files import load_encoding

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pack") / "digits run"
    options = {"steps": 2, "hidden": (8,), "sample_every": 2, "evaluate_every": 2}
    reverie.train("vae", data="digits", out=out, evaluate_count=20, **options)
    return out


def test_a_friend_needs_nothing_else(run: Path, tmp_path: Path) -> None:
    result = reverie.pack(run, out=tmp_path / "vae.zip", license="cc0-1.0", tags=("mine",))
    assert result.files == ["README.md", "config.json", "model.safetensors", "samples.png"]
    assert result.size_bytes == (tmp_path / "vae.zip").stat().st_size
    assert (reverie.load(tmp_path / "vae.zip").sample(2) == reverie.load(run).sample(2)).all()
    with zipfile.ZipFile(tmp_path / "vae.zip") as archive:
        card = ModelCard(archive.read("README.md").decode())
        archive.extractall(tmp_path / "unpacked")
    facts = card.data.to_dict()
    assert (facts["license"], facts["library_name"]) == ("cc0-1.0", "reverie")
    assert {"mine", "vae"} <= set(facts["tags"])
    for words in ('reverie.load("vae.zip")', "Licence: cc0-1.0.", "(samples.png)", "| frechet_dis"):
        assert words in card.text
    assert (reverie.load(tmp_path / "unpacked").sample(1) == reverie.load(run).sample(1)).all()


def test_the_same_model_gives_the_same_file(run: Path, tmp_path: Path) -> None:
    files = [reverie.pack(run, out=tmp_path / name / "a.zip").file for name in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()
    again = reverie.pack(files[0], out=tmp_path / "a.zip").file  # of a packed model
    assert (reverie.load(again).sample(1) == reverie.load(run).sample(1)).all()
    with zipfile.ZipFile(again) as archive:
        assert archive.read("README.md").count(b"(samples.png)") == 1


def test_the_best_model_has_the_runs_samples(run: Path, tmp_path: Path) -> None:
    assert "samples.png" in reverie.pack(run / "best", out=tmp_path / "best.zip").files


def test_an_encoder_goes_along(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    shutil.copytree(run / "model", copy / "encoder")  # as that of a GAN is kept beside it
    file = reverie.pack(copy, out=tmp_path / "a.zip").file
    images = reverie.load(run).sample(2)
    assert (load_encoding(file).encode(images) == reverie.load(run).encode(images)).all()


def test_nothing_is_overwritten_unasked(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_text("mine")
    with pytest.raises(UserError, match="exists: name another file by --out, or add --overwrite"):
        reverie.pack(run, out=file)
    assert file.read_text() == "mine"
    reverie.pack(run, out=file, overwrite=True)
    assert zipfile.is_zipfile(file)
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(UserError, match="exists"):
        reverie.pack(run, out=tmp_path / "folder.zip", overwrite=True)


def test_what_cannot_be_packed(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a packed model is a \.zip file"):
        reverie.pack(run, out=tmp_path / "model.tar")
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError):
            reverie.pack(place, out=tmp_path / "a.zip")
    with pytest.raises(UserError, match="name a run, a model folder, or what reverie pack wrote"):
        reverie.pack(run / "model" / "model.safetensors", out=tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_on_the_command_line(run: Path, tmp_path: Path, capsys: Captured) -> None:
    file = str(tmp_path / "a.zip")
    assert main(["pack", str(run), "--out", file, "--license", "mit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == file
    assert main(["pack", str(run), "--out", file]) == 2
    assert main(["sample", file, "-n", "2", "--out", str(tmp_path / "a.png")]) == 0
    assert main(["info", file, "--json"]) == 0
    assert main(["interpolate", file, "--seeds", "1", "2", "--out", str(tmp_path / "b.png")]) == 0
    words = ["reconstruct", file, str(tmp_path / "a.png"), "--out", str(tmp_path / "c.png")]
    assert main(words) == 0
    (tmp_path / "bad.zip").write_bytes(b"PK")
    capsys.readouterr()
    assert main(["sample", str(tmp_path / "bad.zip")]) == 2
    assert "this zip archive cannot be read" in capsys.readouterr().err
