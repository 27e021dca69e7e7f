import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import reverie
from reverie import images
from reverie.cli.help import help_text, short_help
from reverie.cli.main import main

Photos = Callable[..., Path]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    options = {"data": "digits", "batch_size": 8, "steps": 3, "width": 4}
    return reverie.train("cgan", out=folder, **options).folder


def refused(capsys: Captured, *words: object) -> str:
    """The one sentence that a command is refused with."""
    capsys.readouterr()
    assert main([str(w) for w in words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("reverie: ")
    return lines[0]


def done(capsys: Captured, *words: object) -> dict:
    """The JSON object that a command gives, the only thing on standard output."""
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_help(capsys: Captured) -> None:
    for words in (["--help"], ["-h"], ["help"], ["help", "commands"]):
        assert main(words) == 0
        assert capsys.readouterr().out == help_text()
    assert main([]) == 0
    assert capsys.readouterr().out == short_help()
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == "0.1.0"
    assert main(["train", "--help"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("vae", "gan", "dcgan", "cgan"))


@pytest.mark.parametrize(
    "command", ["sample", "evaluate", "info", "compare", "data list", "data check", "train dcgan"]
)
def test_every_command_explains_itself(capsys: Captured, command: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: reverie {command}" in out
    assert "--json" in out


def test_the_flags_of_a_method_are_golden() -> None:
    """A flag that goes or comes shows here, so that no user is surprised."""
    from reverie.cli.parse import flags as flags_in
    from reverie.cli.train import flags_of
    from reverie.methods import METHODS
    from reverie.methods.presets import recipe_for

    flags = {name: sorted(flags_in(flags_of(recipe_for(name)))) for name in METHODS}
    golden = Path(__file__).with_name("golden") / "flags.json"
    assert flags == json.loads(golden.read_text())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("sampel runs/x", "no command 'sampel'; did you mean 'sample'?"),
        ("data", "say what about data: reverie data list, reverie data get, reverie data check."),
        ("data gte", "did you mean 'data get'?"),
        ("train dcgn", "no method 'dcgn'; did you mean 'dcgan'?"),
        ("train dcgan --widht 3 --out x", "no option --widht; did you mean '--width'?"),
        ("train dcgan --width x --out x", "--width must be an integer, not 'x'"),
        ("train dcgan --loss bcee --out x", "no adversarial loss 'bcee'; did you mean 'bce'?"),
        ("train dcgan --data digits", "--out must be given"),
        ("train dcgan --preset digit --out x", "no preset 'digit'; did you mean 'digits'?"),
        ("train dcgan --out x", "no dataset is given"),
        ("train dcgan --data nowhere --out x", "there is no folder or file 'nowhere'"),
        ("train dcgan --out x --resume", "there is no run in this folder"),
        ("train dcgan --data digits --steps 3 --minutes 2 --out x", "not steps and minutes"),
        ("train dcgan --data digits --image-size 30 --out x", "not 30"),
        ("sample", "MODEL must be given"),
        ("sample nowhere", "no run or model folder of that name"),
        ("compare", "two runs or more"),
        ("data check nowhere", "there is no folder or file 'nowhere'"),
    ],
)
def test_bad_requests_get_one_sentence(
    capsys: Captured, words: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *words.split())
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_json(capsys: Captured) -> None:
    assert main(["info", "nowhere", "--json"]) == 2
    assert "no run or model folder" in json.loads(capsys.readouterr().out)["error"]


def test_sample_writes_files_and_a_sheet(capsys: Captured, run: Path, tmp_path: Path) -> None:
    facts = done(
        capsys, "sample", run, "-n", 4, "--seed", 7, "--label", 3, "--out", tmp_path / "out"
    )
    assert [Path(p).name for p in facts["files"]] == [
        "000007.png", "000008.png", "000009.png", "000010.png", "grid.png",
    ]  # fmt: skip
    picture = images.read(tmp_path / "out/000009.png")
    expected = images.to_uint8(reverie.load(run).sample(1, seed=9, label=3))[0]
    np.testing.assert_array_equal(picture, expected)


def test_samples_are_never_replaced_unasked(
    capsys: Captured, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("samples", "samples-2", "samples-3"):
        assert main(["sample", str(run), "-n", "2"]) == 0
        assert capsys.readouterr().out == f"2 images: {folder}/grid.png\n"
    before = (tmp_path / "samples" / "000000.png").read_bytes()
    assert main(["sample", str(run), "-n", "2", "--seed", "5", "-o", "samples"]) == 0
    assert (tmp_path / "samples" / "000000.png").read_bytes() == before
    assert (tmp_path / "samples" / "000005.png").is_file()
    said = refused(capsys, "sample", run, "-n", "2", "--seed", "4", "-o", "samples")
    assert "samples/000005.png exists: choose another --out, or add --overwrite." in said
    assert not (tmp_path / "samples" / "000004.png").exists()
    done(capsys, "sample", run, "-n", "2", "--seed", "4", "-o", "samples", "--overwrite")
    assert (tmp_path / "samples" / "000004.png").is_file()


def test_sample_writes_what_evaluation_suites_read(
    capsys: Captured, run: Path, tmp_path: Path
) -> None:
    done(capsys, "sample", run, "-n", 12, "--out", tmp_path / "samples.npz")
    with np.load(tmp_path / "samples.npz") as archive:
        assert archive["arr_0"].shape == (12, 28, 28, 1)
        assert archive["arr_0"].dtype == np.uint8
        assert archive["arr_1"].tolist() == [*range(10), 0, 1]
    done(capsys, "sample", run, "-n", 2, "--out", tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()
    assert "its classes are 0 to 9" in refused(capsys, "sample", run, "--label", 11)
    assert "no image format" in refused(capsys, "sample", run, "--out", tmp_path / "x.xyz")


def test_info_and_compare(capsys: Captured, run: Path, tmp_path: Path) -> None:
    facts = done(capsys, "info", run)
    assert facts["method"] == "cgan"
    assert facts["classes"] == list("0123456789")
    assert facts["step"] == 3
    assert done(capsys, "info", run / "model")["image_size"] == 28
    assert main(["info", str(run)]) == 0
    assert "parameters:" in capsys.readouterr().out
    page = tmp_path / "page.html"
    compared = done(capsys, "compare", run, run, "--out", page)
    assert (compared["page"], compared["differing"]) == (str(page), {})
    assert compared["figures"]["digits"]["steps"] == 3
    assert "add --overwrite" in refused(capsys, "compare", run, run, "--out", page)
    assert main(["compare", str(run), str(run), "--out", str(page), "--overwrite"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(page)


def test_train_and_resume(capsys: Captured, photos: Photos, tmp_path: Path) -> None:
    words = ["train", "dcgan", "--data", photos(), "--image-size", 16, "--width", 4]
    out = tmp_path / "run"
    facts = done(capsys, *words, "--batch-size", 4, "--steps", 2, "--flip", "--out", out)
    assert facts["finished"]
    assert facts["steps"] == 2
    facts = done(capsys, "train", "dcgan", "--resume", "--out", out, "--steps", 3)
    assert facts["steps"] == 3
    message = refused(capsys, "train", "dcgan", "--resume", "--out", out, "--width", 8)
    assert "started with --width 4, not 8" in message
    assert "trains a dcgan" in refused(capsys, "train", "gan", "--resume", "--out", out)


def test_data(capsys: Captured, photos: Photos, tmp_path: Path) -> None:
    assert "digits" in done(capsys, "data", "list")
    photos(3, "set/a")
    photos(2, "set/b", size=(10, 20))
    (tmp_path / "set/a/001.png").write_text("broken")
    capsys.readouterr()
    assert main(["data", "check", str(tmp_path / "set"), "--json"]) == 1  # one is left out
    facts = json.loads(capsys.readouterr().out)
    assert facts["images"] == 4
    assert facts["sizes"] == {"40×32": 2, "10×20": 2}
    assert facts["shorter_side"] == {"least": 10, "median": 32, "most": 32}
    assert list(facts["broken"]) == ["a/001.png"]
    assert facts["classes"] == {"a": 3, "b": 2}
