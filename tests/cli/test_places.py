import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import reverie
from reverie.cli.main import main
from reverie.cli.methods import MethodsCommand
from reverie.cli.places import refuse_no_file, refuse_unfit, refuse_unknown_data
from reverie.core import progress
from reverie.core.errors import UserError
from reverie.data import DATASETS, find_source
from reverie.data.source import set_folder
from reverie.inference.place import refuse_unknown_model
from reverie.runs.place import refuse_existing_run, refuse_no_run


def test_data_that_is_here(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    for place in (str(tmp_path), str(tmp_path / "broken"), "digits", None):
        refuse_unknown_data(place)
    set_folder("emoji").mkdir(parents=True)
    refuse_unknown_data("emoji")


@pytest.mark.parametrize("place", ["nowhere", "emojy", "faces"])
def test_data_that_is_not_here_is_refused_as_later(place: str) -> None:
    with pytest.raises(UserError) as at_once:
        refuse_unknown_data(place)
    with pytest.raises(UserError) as later:
        find_source(place)
    assert str(at_once.value) == str(later.value)


def test_unknown_data_names_all_datasets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "vae", "--data", "qqqq", "--out", "x"]) == 2
    message = capsys.readouterr().err
    assert all(name in message for name in DATASETS)
    assert main(["train", "vae", "--data", "emojis", "--out", "x"]) == 2
    assert "did you mean 'emoji'?" in capsys.readouterr().err


def test_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("digits", "hf:user/name", str(tmp_path), "someone/something"):
        refuse_unknown_model(place)
    with pytest.raises(UserError, match="nowhere: there is no run or model folder of that name"):
        refuse_unknown_model("nowhere")
    (tmp_path / "runs" / "faces").mkdir(parents=True)
    (tmp_path / "runs" / "faces" / "options.json").write_text("{}")
    with pytest.raises(UserError, match="did you mean runs/faces"):
        refuse_unknown_model("rnus/faces")
    refuse_unfit(MethodsCommand())  # a command without a model


def test_runs_and_recipes(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "options.json").write_text("{}")
    refuse_no_run(tmp_path / "run")
    refuse_no_file(tmp_path / "run")
    with pytest.raises(UserError, match="run already holds a run: add --resume"):
        refuse_existing_run(tmp_path / "run")
    refuse_existing_run(tmp_path / "rnu")
    with pytest.raises(UserError, match=r"no run in this folder .*Runs in the same folder: run\."):
        refuse_no_run(tmp_path / "rnu")
    with pytest.raises(UserError, match=r"no run in this folder .*Runs in it: run\."):
        refuse_no_run(tmp_path)
    with pytest.raises(UserError, match="--print-config writes a recipe"):
        refuse_no_file(tmp_path / "recipe.toml")


REFUSED = """
train --out x; train --data i --out x; train vae --out x; train vae --data i --out run; train vea
train vae --data i --out file; train vae --data i --out x --optimizer adma
train vae --data i --out x --schedule s; train dcgan --data i --out x --loss l
train vae --data i --out x --track t; train vae --data i --out x --track wandb mlfow
train vae --data i --out x -n 5; train vae --data i --out x --latent-size 0
train --config none.toml --out x; train --config bad.toml --out x; train --config file --out x
train --config vea.json --out x; train --config run --out x; train --config good.toml --out x
train --config good.toml --preset small --out x; train gan --config good.toml --out x
train --resume --out run; train --resume; train --resume --out i; train vae --dry-run --data none
sweep vae --data i --out x; sweep vae seed=0,0 --data i --out x; sweep vae seed=0,1 --out x
sweep vae optimizer=adam,adma --data i --out x; sweep vae seed=0,1 --data i --out file
sweep vae seed=0,1 --data i --out sweep
sample photos-x4; sample i; sample zip.zip; sample sweep; sample digits --out file/x
translate digits i; translate nothing i; push digits ab; pull ab --out x; reconstruct run;
upscale i --format x; upscale i --out i; dream i/000.png --guide none.png; upscale
upscale digits i; upscale none.png; upscale empty
upscale photos-x4; upscale file.png --out x; dream; dream none.png; dream file.png
edit photos-x4; edit digits A --add b; reconstruct digits i; interpolate photos-x4
evaluate digits; evaluate digits --data none; evaluate digits --against none.npz
evaluate i --data i --against i; pack sweep; pack none; push i a/b; export sweep --out x.onnx
info none; report none; report i; compare run; compare run none; show i; open i; rm none
sample digits --label nosuch; sample digits --label 3 10 -n 2; sample digits --out x.wrong
interpolate digits --seeds 1 2 --out x.wrong
evaluate digits --data i --out x.txt; evaluate digits --data i --save-stats x.txt
evaluate sweep --data i; serve file; sample file; translate file i; evaluate file --data i
info file; sample digits.zip --label nosuch; sample trained/model/model.safetensors --label 3
train vae --out trained --resume --steps 1; pack digits --out zip.zip; pack digits --out x.txt
data get none; data check none; reproduce none; serve none; runs none
"""
"""Commands, one after another, that must be refused without PyTorch."""

ANSWERED = """
info digits; info photos-x4; info trained; info trained/model; info digits.zip --json; cache
info trained/model/model.safetensors; report trained; runs .; show trained; data check digits
train vae --out trained --resume; train --out trained --resume --steps 2
"""
"""Commands that compute nothing, and must answer without PyTorch."""


def _commands(lines: str) -> list[str]:
    return [found for one in lines.replace("\n", ";").split(";") if (found := one.strip())]


@pytest.mark.slow
def test_what_computes_nothing_imports_no_pytorch(
    tmp_path: Path, photos: Callable[..., Path], environment: dict[str, str]
) -> None:
    photos(3, "i")
    for folder in ("run", "sweep/a", "empty"):
        (tmp_path / folder).mkdir(parents=True)
    texts = {
        "run/options.json": "{", "sweep/a/options.json": "{", "sweep/sweep.json": "{}",
        "bad.toml": "method = 'vae'\nnothing = 1", "good.toml": "method = 'vae'",
        "vea.json": '{"method": "vea"}', "file": "", "file.png": "no image", "zip.zip": "no zip",
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    options = {"data": "digits", "batch_size": 4, "steps": 2, "hidden": (8,), "latent_size": 3}
    with progress.silent():
        reverie.train("vae", out=tmp_path / "trained", **options)
        reverie.pack("digits", out=tmp_path / "digits.zip")
    code = f"""
import sys
from reverie.cli.main import main
for words in {_commands(REFUSED)}:
    assert main(words.split()) == 2, words
    assert "torch" not in sys.modules, words
for words in {_commands(ANSWERED)}:
    assert main(words.split()) == 0, words
    assert "torch" not in sys.modules, words
import reverie.training.comparison
assert "torch" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("reverie: ") == done.stderr.count("\n")  # one sentence each


def test_a_folder_of_runs_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "s" / "seed=0").mkdir(parents=True)
    (tmp_path / "s" / "seed=0" / "options.json").write_text("{}")
    for use in (reverie.pack, reverie.load, lambda place: reverie.evaluate(place, data="digits")):
        with pytest.raises(UserError, match="s is the folder of runs: name one of the runs in it"):
            use(tmp_path / "s")
    (tmp_path / "s" / "sweep.json").write_text("{}")
    with pytest.raises(UserError, match=r"s is the folder of a sweep: .* as .*seed=0"):
        reverie.load(tmp_path / "s")
