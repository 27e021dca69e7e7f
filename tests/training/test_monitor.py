import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st

import reverie
from reverie.core.errors import UserError
from reverie.methods.vae import plane
from reverie.runs.run import Run
from reverie.training.monitor import LossMeter

LOSSES = st.lists(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.floats(-9, 9, width=32)), max_size=3),
    max_size=4,
)


def tensors(batches: list[dict[str, float]]) -> list[dict[str, torch.Tensor]]:
    return [{name: torch.tensor(value) for name, value in batch.items()} for batch in batches]


@given(LOSSES)
def test_the_mean_over_steps_and_batches(steps: list[list[dict[str, float]]]) -> None:
    meter = LossMeter(Accelerator(cpu=True))
    values: dict[str, list[float]] = {}
    for batches in steps:
        meter.add(tensors(batches))
        for batch in batches:
            for name, value in batch.items():
                values.setdefault(name, []).append(value)
    means = meter.mean()
    assert means.keys() == values.keys()
    for name, mean in means.items():
        assert mean == pytest.approx(np.mean(values[name]), rel=1e-4, abs=1e-4)
    assert meter.mean() == {}  # since it was last read


def test_a_tracker_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and no run is begun."""
    options = {"data": "digits", "hidden": (8,), "steps": 2, "out": tmp_path / "run"}

    def no_login(*arguments: object, **more: object) -> None:
        raise OSError("no API key")

    with monkeypatch.context() as patch:
        patch.setattr(Accelerator, "init_trackers", no_login)
        patch.setattr("reverie.training.setup.refuse_no_tracker", lambda *names: None)
        patch.setattr("reverie.training.setup.refuse_broken_tracker", lambda name: None)
        patch.setattr("reverie.training.setup.Accelerator", lambda log_with, **o: Accelerator(**o))
        words = r"wandb could not be started \(OSError: no API key\)"
        with pytest.raises(UserError, match=words):
            reverie.train("gan", **options, track=("wandb",))
    assert reverie.train("gan", **options).finished


def test_no_graph_is_kept() -> None:
    meter = LossMeter(Accelerator(cpu=True))
    weight = torch.ones(1, requires_grad=True)
    meter.add([{"loss": (3 * weight).sum()}])
    assert meter.mean() == {"loss": 3.0}


TWO_PROCESSES = """
import json, sys, torch
from accelerate import Accelerator
from reverie.training.monitor import LossMeter

accelerator = Accelerator(cpu=True)
meter, rank = LossMeter(accelerator), accelerator.process_index
for step in range(3):
    meter.add([{"a": torch.tensor(float(rank + step)), "b": torch.tensor(10.0 * rank)}])
print(json.dumps([accelerator.num_processes, meter.mean()]))
torch.distributed.destroy_process_group()
"""


def test_the_mean_over_two_processes(environment: dict[str, str]) -> None:
    """Both processes get the mean of all: of 0 1 2 and 1 2 3, of 0 and 10."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_PROCESSES],
            env=environment | common | {"RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for rank in "01"
    ]
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert json.loads(out.splitlines()[-1]) == [2, {"a": 1.5, "b": 5.0}]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    reverie.train(
        "cgan",
        out=out,
        data="digits",
        batch_size=4,
        steps=5,
        width=4,
        log_every=2,
        sample_every=4,
        checkpoint_every=2,
        keep_checkpoints=2,
    )
    return Run(out)


def test_as_often_as_the_options_say(run: Run) -> None:
    assert [line["step"] for line in run.read_log()] == [1, 2, 4, 5]  # the last step's rest
    assert list(run.sheets()) == [0, 4, 5]
    names = sorted(path.name for path in run.checkpoints.glob("*.safetensors"))
    assert names == ["step-000000004.safetensors", "step-000000005.safetensors"]
    assert run.model.is_dir()
    assert run.report.exists()


def test_a_line_of_the_log(run: Run) -> None:
    line = run.read_log()[-1]
    assert line["images_seen"] == 5 * 4
    assert line["learning_rate"] > 0
    assert 0 <= line["waiting_share"] <= 1
    assert {"discriminator", "generator"} <= line["losses"].keys()
    assert all(np.isfinite(value) for value in line["losses"].values())


def test_a_column_for_each_class(run: Run) -> None:
    """64 samples of ten classes: six rows of ten, each image 28 pixels, magnified twice."""
    height, width = reverie.images.read(run.sheet(4)).shape[:2]
    assert (height, width) == (6 * (2 * 28 + 2) + 2, 10 * (2 * 28 + 2) + 2)


def test_the_plane_of_two_latents_is_whole(tmp_path: Path) -> None:
    """16 × 16 images of 28 pixels, magnified twice, row by row over the latent plane."""
    reverie.train("vae", preset="digits-2", out=tmp_path / "run", steps=1, hidden=(8,))
    run = Run(tmp_path / "run")
    drawn = reverie.images.read(run.sheet(1, "plane"))
    made = reverie.load(run.folder).generate(plane(16)).repeat_interleave(2, 2)
    wanted = reverie.images.grid(made.repeat_interleave(2, 3), columns=16)
    assert drawn.shape == wanted.shape == (16 * (2 * 28 + 2) + 2, 16 * (2 * 28 + 2) + 2, 1)
    assert np.abs(drawn.astype(int) - wanted).max() <= 1
    pairs = reverie.images.read(run.sheet(1, "reconstructions"))
    assert pairs.shape[:2] == (6 * (2 * 28 + 2) + 2, 8 * (2 * 28 + 2) + 2)  # 24 pairs in 6 rows


def test_the_duration_is_estimated_for_steps_and_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a line of its own; a training by the clock has no need of it."""
    monkeypatch.setattr("reverie.training.duration.MEASURED_SECONDS", 0.0)
    monkeypatch.setattr("reverie.training.duration.SHORTEST_SECONDS", 0.0)
    options = {"data": "digits", "hidden": (8,), "batch_size": 8, "sample_every": 1000}
    reverie.train("gan", out=tmp_path / "steps", steps=20, **options)
    assert re.findall(r"^gan: 20 steps, about \d+ seconds? here$", capsys.readouterr().err, re.M)
    reverie.train("gan", out=tmp_path / "epochs", epochs=0.01, **options)
    assert re.findall(r"^gan: 10 steps, about", capsys.readouterr().err, re.M)
    reverie.train("gan", out=tmp_path / "minutes", minutes=0.005, **options)
    assert "about" not in capsys.readouterr().err


def test_the_samples_of_a_sheet_are_the_models(run: Run) -> None:
    sheet = reverie.images.read(run.sheet(5))
    made = reverie.load(run.folder).sample(60)
    made = made.repeat_interleave(2, 2).repeat_interleave(2, 3)
    difference = sheet.astype(int) - reverie.images.grid(made, columns=10)
    assert np.abs(difference).max() <= 1
