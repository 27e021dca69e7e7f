import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import reverie
from reverie.core.errors import UserError
from reverie.runs.checkpoint import Checkpoint
from reverie.runs.run import Run, best_evaluation
from reverie.training.resume import Origin

SMALL: dict[str, Any] = {"data": "digits", "hidden": (8,), "batch_size": 4, "checkpoint_every": 2}


def trained(folder: Path, steps: int = 4, **options: Any) -> Run:
    reverie.train("gan", out=folder, steps=steps, **(SMALL | options))
    return Run(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def weights(run: Run) -> dict[str, torch.Tensor]:
    return load_file(run.model / "model.safetensors")


def same_weights(one: Run, other: Run) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def edit_options(run: Run, part: str, **entries: Any) -> None:
    facts = run.facts()
    facts[part] |= entries
    run.options_file.write_text(json.dumps(facts))


def test_without_a_good_checkpoint_nothing_is_overwritten(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    for file in run.checkpoints.glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1])
    before = files_of(run.folder)
    with pytest.raises(UserError, match=r"no checkpoint that can be read.*--restart trains it"):
        reverie.train("gan", out=run.folder, resume=True)
    assert files_of(run.folder) == before
    shutil.rmtree(run.checkpoints)
    with pytest.raises(UserError, match="--restart"):
        reverie.train("gan", out=run.folder, resume=True)
    whole = trained(tmp_path / "whole")
    assert reverie.train("gan", out=run.folder, restart=True).steps == 4
    assert same_weights(run, whole)


def test_a_restart_forgets_what_was_trained(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", steps=9, sample_every=3)
    reverie.train("gan", out=run.folder, restart=True, steps=4)
    whole = trained(tmp_path / "whole", sample_every=3)
    assert same_weights(run, whole)
    assert set(files_of(run.folder)) == set(files_of(whole.folder))
    assert [line["step"] for line in run.read_log()] == [1, 4]


def test_a_run_killed_before_its_first_checkpoint_begins_as_it_would_have(tmp_path: Path) -> None:
    generator = trained(tmp_path / "generator")
    init = {"init": str(generator.folder), "steps": 3}
    reverie.train("gan", out=tmp_path / "whole", **(SMALL | init))
    reverie.train("gan", out=tmp_path / "run", **(SMALL | init))
    run = Run(tmp_path / "run")
    for folder in (run.checkpoints, run.model, run.samples):
        shutil.rmtree(folder)
    reverie.train("gan", out=run.folder, resume=True)
    assert same_weights(run, Run(tmp_path / "whole"))
    for folder in (run.checkpoints, run.model):
        shutil.rmtree(folder)
    reverie.train("gan", out=generator.folder, resume=True, steps=6)
    with pytest.raises(UserError, match=r"generator has changed since .*run was started from it"):
        reverie.train("gan", out=run.folder, resume=True)


def test_the_last_model_is_that_of_the_last_step(tmp_path: Path) -> None:
    run, whole = trained(tmp_path / "run"), trained(tmp_path / "whole")
    older = trained(tmp_path / "older", steps=2)
    for name in ("config.json", "model.safetensors"):  # as if killed before it was renewed
        shutil.copy(older.model / name, run.model / name)
    run.sheet(4).write_bytes(b"half a shee")
    again = reverie.train("gan", out=run.folder, resume=True)
    assert again.finished
    assert same_weights(run, whole)
    assert run.sheet(4).read_bytes() == whole.sheet(4).read_bytes()


def test_what_lies_in_the_model_folder_stays(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    (run.model / "notes").mkdir()
    (run.model / "notes" / "mine.txt").write_text("mine")
    reverie.train("gan", out=run.folder, resume=True, steps=6)
    assert (run.model / "notes" / "mine.txt").read_text() == "mine"


def test_checkpoints_of_another_run_are_refused(tmp_path: Path) -> None:
    run, other = trained(tmp_path / "run", steps=2), trained(tmp_path / "other", seed=1)
    for file in other.checkpoints.iterdir():
        shutil.copy(file, run.checkpoints)
    with pytest.raises(UserError, match="the checkpoint of step 4 is of another run"):
        reverie.train("gan", out=run.folder, resume=True, steps=6)


@pytest.mark.parametrize(
    ("part", "entry", "words"),
    [
        ("training", {"seed": 5}, "--seed 0, and options.json says 5"),
        ("options", {"learning_rate": 0.1}, "--learning-rate 0.0002, and options.json says 0.1"),
        ("training", {"batch_size": 8}, "--batch-size 4"),
    ],
)
def test_edited_options_are_refused(
    tmp_path: Path, part: str, entry: dict[str, Any], words: str
) -> None:
    run = trained(tmp_path / "run", steps=2)
    edit_options(run, part, **entry)
    with pytest.raises(UserError, match=f"step 2 was written with {words}"):
        reverie.train("gan", out=run.folder, resume=True, steps=6)


def test_another_number_of_processes_is_refused(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", steps=2)
    checkpoint = run.newest_checkpoint()
    assert checkpoint is not None
    Origin.of(run, run.recipe(), 1).check(checkpoint)
    with pytest.raises(UserError, match="trained by 1 processes, not 2"):
        Origin.of(run, run.recipe(), 2).check(checkpoint)
    with pytest.raises(UserError, match="for other images"):
        replace(Origin.of(run, run.recipe(), 1), images="other").check(checkpoint)
    Origin.of(run, run.recipe(), 2).check(Checkpoint(2, {}, {}))  # of an older version


def test_changed_images_and_labels_are_refused(tmp_path: Path, photos: Callable[..., Path]) -> None:
    folder = photos(6)
    table = folder / "labels.csv"
    lines = [f"{n:03d}.png,{n % 2}" for n in range(6)]
    table.write_text("\n".join(["file,label", *lines]))
    options = SMALL | {"data": str(table), "label_column": "label", "image_size": 16}
    run = Run(tmp_path / "run")
    reverie.train("gan", out=run.folder, steps=2, **options)
    table.write_text("\n".join(["file,label", *lines[::-1]]))
    with pytest.raises(UserError, match="have changed"):
        reverie.train("gan", out=run.folder, resume=True, steps=4)
    table.write_text("\n".join(["file,label", *lines[:-1], "005.png,0"]))
    with pytest.raises(UserError, match=r"the labels have changed .*6 images then, 6 now"):
        reverie.train("gan", out=run.folder, resume=True, steps=4)
    table.write_text("\n".join(["file,label", *lines]))
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(folder / "003.png")
    with pytest.raises(UserError, match=r"the images have changed .*--init .*run to begin"):
        reverie.train("gan", out=run.folder, resume=True, steps=4)


def test_images_may_move(tmp_path: Path, photos: Callable[..., Path]) -> None:
    folder = photos(6)
    run = Run(tmp_path / "run")
    reverie.train("gan", out=run.folder, steps=2, **(SMALL | {"data": str(folder)}))
    folder.rename(tmp_path / "moved")
    again = reverie.train("gan", out=run.folder, resume=True, steps=4, data=str(tmp_path / "moved"))
    assert again.steps == 4
    assert run.recipe().data.data == str(tmp_path / "moved")


def test_the_new_length_stands_in_the_options(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    before = run.facts()
    reverie.train("gan", out=run.folder, resume=True, steps=6)
    assert run.recipe().training.steps == 6
    assert {k: v for k, v in run.facts().items() if k != "training"} == {
        k: v for k, v in before.items() if k != "training"
    }


def test_a_run_does_not_lie_among_its_images(tmp_path: Path, photos: Callable[..., Path]) -> None:
    folder = photos(6)
    (tmp_path / "link").symlink_to(folder)
    for out in (folder / "run", folder / "a" / "run", folder, tmp_path / "link" / "run"):
        with pytest.raises(UserError, match="lies in the folder of the images"):
            reverie.train("gan", out=out, steps=1, **(SMALL | {"data": str(folder)}))
    assert sorted(p.suffix for p in folder.iterdir()) == [".png"] * 6


def test_a_shorter_length_is_refused(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", steps=6)
    with pytest.raises(UserError, match="this run has already 6 steps, and a length of 4"):
        reverie.train("gan", out=run.folder, resume=True, steps=4)
    assert run.recipe().training.steps == 6
    with pytest.raises(UserError, match=r"trained for .* minutes already, and a length of 1e-06"):
        reverie.train("gan", out=run.folder, resume=True, minutes=1e-6)
    assert run.recipe().training.minutes is None


def test_a_run_that_is_complete_goes_on_with_its_own_minutes(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", steps=None, minutes=1e-6)
    step = reverie.train("gan", out=run.folder, resume=True).steps
    assert reverie.train("gan", out=run.folder, resume=True, minutes=1e-6).steps == step


def test_a_preset_is_for_new_runs(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    for how in ("resume", "restart"):
        with pytest.raises(UserError, match="--preset digits-2 is for a new run"):
            reverie.train("gan", out=run.folder, preset="digits-2", **{how: True})


def test_what_is_not_of_the_run_stays_at_a_restart(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    for file in run.checkpoints.iterdir():
        file.rename(tmp_path / "elsewhere" / file.name)
    run.checkpoints.rmdir()
    run.checkpoints.symlink_to(tmp_path / "elsewhere")
    mine = [run.model / "notes.txt", run.samples / "step-000002-mine.png"]
    mine += [run.checkpoints / name for name in ("step-good.safetensors", "step-000000002-x.txt")]
    for file in mine:
        file.write_text("mine")
    reverie.train("gan", out=run.folder, restart=True, steps=3)
    assert [file.read_text() for file in mine] == ["mine"] * 4
    checkpoint = run.newest_checkpoint()
    assert checkpoint is not None
    assert checkpoint.step == 3
    reverie.train("gan", out=run.folder, resume=True, steps=30)
    assert [file.read_text() for file in mine] == ["mine"] * 4


def test_a_restart_that_cannot_write_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(tmp_path / "run")
    before = files_of(run.folder)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "begin", full)
    with pytest.raises(OSError, match="No space left"):
        reverie.train("gan", out=run.folder, restart=True)
    assert files_of(run.folder) == before


def test_init_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reverie.train("dcgan", out="generator", steps=1, data="digits", width=4, batch_size=2)
    options = {"data": "digits", "width": 4, "batch_size": 2, "init": "generator"}
    reverie.train("encoder", out="encoder", steps=1, **options)
    shutil.rmtree(tmp_path / "generator" / "encoder")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    reverie.train("encoder", out=tmp_path / "encoder", resume=True)
    assert (tmp_path / "generator" / "encoder" / "model.safetensors").exists()


def test_a_best_model_of_a_lost_step_goes(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", evaluate_every=2, evaluate_count=20)
    lines = run.read_evaluations()
    assert [line["step"] for line in lines] == [2, 4]
    for line, distance in zip(lines, (2.0, 1.0), strict=True):  # the best is of step 4
        line["figures"] = dict.fromkeys(line["figures"], distance)
    run.evaluations_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for file in run.checkpoints.glob("step-000000004.*"):
        file.unlink()
    again = reverie.train("gan", out=run.folder, resume=True, steps=3, evaluate_every=0)
    assert not run.best.exists()
    assert "the best" not in again.summary()


def test_validations_of_other_counts_are_not_compared(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", evaluate_every=2, evaluate_count=20)
    lines = run.read_evaluations()
    lines[0]["figures"] = {"frechet_distance[of 400]": 0.1}
    run.evaluations_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert best_evaluation(run)["step"] == 4


def test_damaged_contents_of_a_checkpoint_are_no_checkpoint(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    newest = run.checkpoints / "step-000000004.safetensors"
    for metadata in (None, {"step": "4", "facts": "{}"}, {"step": "x", "facts": "{}"}):
        save_file({"a": torch.zeros(1)}, newest, metadata=metadata)
        digest = hashlib.sha256(newest.read_bytes()).hexdigest()
        newest.with_suffix(".sha256").write_text(digest)
        checkpoint = run.newest_checkpoint()
        assert checkpoint is not None
        assert checkpoint.step == 2


def test_names_that_are_no_text(tmp_path: Path) -> None:
    run = trained(Path(os.fsdecode(os.fsencode(tmp_path) + b"/c\xffad")))
    assert "c\\udcffad" in (run.model / "README.md").read_text()


def test_a_refused_start_leaves_nothing(tmp_path: Path) -> None:
    for options in ({"evaluate_every": 1, "evaluate_count": 1}, {"image_size": 30, "init": "no"}):
        with pytest.raises(UserError):
            reverie.train("gan", out=tmp_path / "a" / "run", steps=1, **(SMALL | options))
    assert not (tmp_path / "a" / "run").exists()
    run = trained(tmp_path / "run")
    run.options_file.unlink()
    with pytest.raises(UserError, match="checkpoints or a model, but no options"):
        trained(tmp_path / "run")


def test_an_early_stopped_run_stays_stopped(tmp_path: Path) -> None:
    options = {"evaluate_every": 2, "evaluate_count": 20, "patience": 1}
    whole = trained(tmp_path / "whole", steps=400, **options)
    stopped = whole.newest_checkpoint()
    assert stopped is not None
    assert stopped.step < 400
    again = reverie.train("gan", out=whole.folder, resume=True)
    assert (again.steps, again.finished) == (stopped.step, True)
    more = reverie.train(
        "gan", out=whole.folder, resume=True, patience=1000, steps=stopped.step + 2
    )
    assert more.steps == stopped.step + 2


def test_models_carry_a_hash(tmp_path: Path) -> None:
    run = trained(tmp_path / "run")
    tensors = weights(run)
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
    save_file(tensors | {name: tensors[name] + 1}, run.model / "model.safetensors")
    with pytest.raises(UserError, match="not as they were saved"):
        reverie.load(run.folder)
    config = json.loads((run.model / "config.json").read_text())
    del config["sha256"]  # changed on purpose, or made by an older version
    (run.model / "config.json").write_text(json.dumps(config))
    assert reverie.load(run.folder).sample(1).shape == (1, 1, 28, 28)


# --- processes -------------------------------------------------------------------------------


def start(out: Path, environment: dict[str, str], **streams: Any) -> subprocess.Popen[str]:
    words = ["--data", "digits", "--hidden", "8", "--steps", "100000", "--checkpoint-every", "50"]
    command = [sys.executable, "-m", "reverie", "train", "gan", "--out", str(out), *words]
    process = subprocess.Popen(command, env=environment, text=True, **streams)
    while not list(out.glob("checkpoints/*.safetensors")):
        assert process.poll() is None
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGXCPU])
def test_signals_save(tmp_path: Path, environment: dict[str, str], number: signal.Signals) -> None:
    out = tmp_path / "a run"
    with start(out, environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with pytest.raises(UserError, match=rf"written by process {process.pid} on"):
            reverie.train("gan", out=out, resume=True)
        process.send_signal(number)
        if number == signal.SIGHUP:  # the same request, twice
            time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=60)
    assert process.returncode == 130, complained
    checkpoint = Run(out).newest_checkpoint()
    assert checkpoint is not None
    assert f"stopped after {checkpoint.step:,} steps" in said
    assert f"--out '{out}' --resume" in said


def test_a_closed_pipe_does_not_stop_a_training(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    reading, writing = os.pipe()
    words = ["--data", "digits", "--hidden", "8", "--steps", "30"]
    command = [sys.executable, "-m", "reverie", "train", "gan", "--out", str(tmp_path / "run")]
    os.close(reading)
    done = subprocess.run([*command, *words], env=environment, stderr=writing, check=False)
    os.close(writing)
    assert done.returncode == 0
    assert Run(tmp_path / "run").report.exists()
