import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import reverie
from reverie.core.errors import UserError
from reverie.core.precision import bf16_is_native
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec, open_dataset
from reverie.methods import Method, MethodOptions, Phase
from reverie.methods.recipe import Recipe, TrainOptions
from reverie.runs.run import Run
from reverie.training.budget import Budget
from reverie.training.loop import fit
from reverie.training.monitor import TrainingMonitor
from reverie.training.setup import learning_rate, make_accelerator
from reverie.training.state import Counters, TrainState

SMALL = {"data": "digits", "batch_size": 8, "log_every": 5, "sample_every": 10_000}


class Toy(Method):
    """Two networks whose losses have gradients that can be worked out by hand."""

    Options = MethodOptions
    averaged = ("left",)
    about = "a toy"

    def __init__(self, broken_at: int | None = None) -> None:
        super().__init__(MethodOptions(learning_rate=0.1), ImageSpec(1, 28))
        self.left, self.right = nn.Linear(784, 1), nn.Linear(784, 1)
        self.calls: list[tuple[str, int]] = []
        self.broken_at = broken_at

    def phases(self) -> tuple[Phase, ...]:
        def left(batch: Batch, rng: Rng) -> Any:
            self.calls.append(("left", rng.step))
            assert not any(p.requires_grad for p in self.right.parameters())
            loss = self.left(batch.images.flatten(1)).square().mean()
            return (loss * torch.nan if rng.step == self.broken_at else loss), {"half": loss / 2}

        def right(batch: Batch, rng: Rng) -> Any:
            self.calls.append(("right", rng.step))
            assert not any(p.requires_grad for p in self.left.parameters())
            return self.right(batch.images.flatten(1)).mean(), {}

        return (
            Phase(name="left", networks=(self.left,), loss=left),
            Phase(name="right", networks=(self.right,), loss=right, every=3),
        )


def train_toy(folder: Path, toy: Toy, **options: Any) -> Counters:
    training = TrainOptions(**({"precision": "fp32", "device": "cpu"} | options))
    recipe = Recipe(
        method="vae", options=toy.options, data=DataOptions(data="digits"), training=training
    )
    pictures = open_dataset(recipe.data)
    run = Run(folder)
    run.begin(recipe, pictures)
    accelerator = make_accelerator(training, run)
    monitor = TrainingMonitor(run, recipe, toy, pictures, accelerator)
    return fit(TrainState(toy, training, accelerator), pictures, recipe, monitor)


def test_phases_come_in_order_and_as_often_as_they_say(tmp_path: Path) -> None:
    toy = Toy()
    state = train_toy(tmp_path, toy, steps=7, batch_size=4)
    assert (state.step, state.finished) == (7, True)
    assert [step for name, step in toy.calls if name == "left"] == list(range(7))
    assert [step for name, step in toy.calls if name == "right"] == [0, 3, 6]
    assert toy.calls[:2] == [("left", 0), ("right", 0)]


def test_accumulated_batches_give_the_step_of_one_large_batch(tmp_path: Path) -> None:
    states = []
    for batch_size, accumulate in ((16, 1), (4, 4)):
        torch.manual_seed(0)
        toy = Toy()
        train_toy(
            tmp_path / str(accumulate), toy, steps=3, batch_size=batch_size, accumulate=accumulate
        )
        states.append(toy.state_dict())
    for name in states[0]:
        torch.testing.assert_close(states[0][name], states[1][name], rtol=1e-4, atol=1e-6)


def test_averaged_weights_follow_their_formula(tmp_path: Path) -> None:
    torch.manual_seed(0)
    toy = Toy()
    training = TrainState(
        toy, TrainOptions(ema_decay=0.5), make_accelerator(TrainOptions(), Run(tmp_path))
    )
    expected = toy.left.weight.detach().double().clone()
    for step in range(20):
        with torch.no_grad():
            toy.left.weight.add_(torch.randn_like(toy.left.weight))
            toy.right.weight.add_(1.0)
        training.average(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * toy.left.weight.detach().double()
    finished = training.finished_method()
    torch.testing.assert_close(finished.left.weight.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(finished.right.weight, toy.right.weight)  # not averaged


def test_a_loss_that_is_not_finite_stops_before_the_weights_are_spoilt(tmp_path: Path) -> None:
    toy = Toy(broken_at=5)
    with pytest.raises(UserError, match="loss of phase 'left' became nan at step 6 "):
        train_toy(tmp_path, toy, steps=10, batch_size=4, checkpoint_every=4)
    assert all(torch.isfinite(p).all() for p in toy.parameters())
    checkpoint = Run(tmp_path).newest_checkpoint()
    assert checkpoint is not None
    assert checkpoint.step == 4


def test_weights_that_are_not_finite_are_not_kept(tmp_path: Path) -> None:
    training = TrainState(Toy(), TrainOptions(), make_accelerator(TrainOptions(), Run(tmp_path)))
    with torch.no_grad():
        training.method.get_submodule("left").weight[0, 0] = torch.inf  # type: ignore[index]
    with pytest.raises(UserError, match=r"left\.weight is no longer finite"):
        training.checkpoint(Counters(step=3), {})


def test_clipping_bounds_the_gradient(tmp_path: Path) -> None:
    norms = []
    for clip in (0.0, 1e-9):
        torch.manual_seed(0)
        toy = Toy()
        before = toy.left.weight.detach().clone()
        train_toy(tmp_path / str(clip), toy, steps=1, batch_size=4, clip_norm=clip)
        norms.append((toy.left.weight - before).norm().item())
    assert norms[1] < norms[0] * 0.2  # Adam divides by its ε, which now outweighs the gradient


def test_learning_rate() -> None:
    options = TrainOptions(warmup_steps=10, decay="linear", decay_from=0.5)
    rates = [learning_rate(2.0, options, s, s / 100) for s in (0, 4, 9, 50, 75, 100)]
    assert rates == pytest.approx([0.2, 1.0, 2.0, 2.0, 1.0, 0.0])
    cosine = replace(options, decay="cosine", warmup_steps=0)
    assert learning_rate(2.0, cosine, 0, 0.75) == pytest.approx(1.0)
    assert learning_rate(2.0, replace(cosine, decay="none"), 0, 1.0) == 2.0


def test_budgets() -> None:
    assert Budget.of(TrainOptions(), 100, 1).steps == 20_000
    assert Budget.of(TrainOptions(epochs=2, batch_size=8, accumulate=2), 100, 2).steps == 7
    minutes = Budget.of(TrainOptions(minutes=2), 100, 1)
    assert minutes.fraction(Counters(step=5, seconds=30.0)) == 0.25
    assert Budget.of(TrainOptions(steps=0), 100, 1).fraction(Counters()) == 1.0
    with pytest.raises(UserError, match="one training length, not steps and minutes"):
        Budget.of(TrainOptions(steps=1, minutes=1), 100, 1)


def test_trackers_are_known_and_installed_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="the tracker tensorboard is not installed"):
        make_accelerator(TrainOptions(track=("tensorboard",)), Run(tmp_path))


def test_precision_is_native_or_refused(tmp_path: Path) -> None:
    auto = make_accelerator(TrainOptions(device="cpu"), Run(tmp_path))
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if "flags" in flags:
        assert bf16_is_native("cpu") == ("avx512_bf16" in flags or "amx_tile" in flags)
    assert auto.mixed_precision == ("bf16" if bf16_is_native("cpu") else "no")
    with pytest.raises(UserError, match="fp16 needs a GPU"):
        make_accelerator(TrainOptions(device="cpu", precision="fp16"), Run(tmp_path))
    with pytest.raises(
        UserError, match="there is no tracker 'tensorbord'; did you mean 'tensorboard"
    ):
        make_accelerator(TrainOptions(track=("tensorbord",)), Run(tmp_path))


# --- whole runs ------------------------------------------------------------------------------


def final_tensors(folder: Path) -> dict[str, torch.Tensor]:
    checkpoint = Run(folder).newest_checkpoint()
    assert checkpoint is not None
    return checkpoint.tensors | load_file(folder / "model" / "model.safetensors")


def assert_same_bits(one: Path, other: Path) -> None:
    first, second = final_tensors(one), final_tensors(other)
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def test_a_run_leaves_everything_in_its_folder(tmp_path: Path) -> None:
    run = reverie.train(
        "vae", out=tmp_path / "run", steps=12, latent_size=2, **SMALL | {"sample_every": 5}
    )
    assert (run.steps, run.finished) == (12, True)
    names = {str(p.relative_to(run.folder)) for p in run.folder.rglob("*") if p.is_file()}
    assert {
        "options.json", "log.jsonl", "report.html", "model/config.json", "model/README.md",
        "model/model.safetensors", "samples/step-000000.png", "samples/step-000005.png",
        "samples/step-000012.png", "samples/step-000012-reconstructions.png",
        "samples/step-000012-plane.png", "checkpoints/step-000000012.safetensors",
    } <= names  # fmt: skip
    options = json.loads((run.folder / "options.json").read_text())
    assert options["training"]["seed"] == 0
    assert options["data_fingerprint"]
    assert options["versions"]["torch"] == torch.__version__
    log = Run(run.folder).read_log()
    assert [line["step"] for line in log] == [1, 5, 10, 12]
    assert set(log[-1]["losses"]) == {"bound", "bound/nll", "bound/kl"}
    page = run.report.read_text()
    assert page.count("<svg") == 6  # a panel for each quantity
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert run.load().sample(2).shape == (2, 1, 28, 28)


def test_a_resumed_run_ends_in_the_same_bits(tmp_path: Path) -> None:
    options = SMALL | {"width": 4, "decay": "linear", "checkpoint_every": 4}
    reverie.train("cgan", out=tmp_path / "whole", steps=14, **options)
    reverie.train("cgan", out=tmp_path / "parts", steps=14, **options)
    run = Run(tmp_path / "parts")
    for step in (14, 12):  # as if it had been killed after step 8's checkpoint
        for file in run.checkpoints.glob(f"step-{step:09d}.*"):
            file.unlink()
    again = reverie.train("cgan", out=run.folder, resume=True)
    assert again.steps == 14
    assert_same_bits(tmp_path / "whole", tmp_path / "parts")
    steps = [line["step"] for line in run.read_log()]
    assert steps == sorted(set(steps))  # nothing is logged twice


@pytest.mark.parametrize("damage", ["truncated", "flipped", "digest", "empty"])
def test_the_checkpoint_before_a_damaged_one_is_used(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = SMALL | {"hidden": (8, 8), "checkpoint_every": 5}
    reverie.train("gan", out=tmp_path / "whole", steps=15, **options)
    reverie.train("gan", out=tmp_path / "damaged", steps=10, **options)
    newest = tmp_path / "damaged/checkpoints/step-000000010.safetensors"
    content = bytearray(newest.read_bytes())
    if damage == "digest":
        newest.with_suffix(".sha256").write_text("0" * 64 + "  x\n")
    else:
        content[-100] ^= 1
        whole = {"truncated": content[:-1], "flipped": content, "empty": b""}
        newest.write_bytes(bytes(whole[damage]))
    capsys.readouterr()
    reverie.train("gan", out=tmp_path / "damaged", resume=True, steps=15)
    assert "step-000000010.safetensors is damaged" in capsys.readouterr().err
    assert_same_bits(tmp_path / "whole", tmp_path / "damaged")


def test_old_checkpoints_are_deleted(tmp_path: Path) -> None:
    options = SMALL | {"hidden": (8, 8), "checkpoint_every": 2, "keep_checkpoints": 2}
    reverie.train("gan", out=tmp_path / "run", steps=9, **options)
    kept = sorted(p.name for p in (tmp_path / "run/checkpoints").iterdir())
    assert kept == [f"step-00000000{n}.{s}" for n in (8, 9) for s in ("safetensors", "sha256")]


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "reverie", *map(str, words)]


@pytest.mark.timeout(600)
def test_a_run_killed_at_any_instant_ends_in_the_same_bits(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    options = ["--data", "digits", "--width", 4, "--batch-size", 8, "--steps", 200, "--seed", 3,
               "--checkpoint-every", 7, "--sample-every", 50, "--penalty-every", 3]  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command("train", "dcgan", "--out", whole, *options), env=environment, check=True)
    clock = random.Random(0)
    words, deaths, reached = options, 0, 0
    while True:
        process = subprocess.Popen(
            command("train", "dcgan", "--out", killed, *words), env=environment
        )
        if deaths < 3:
            until = time.monotonic() + 60
            begun = killed / "options.json"  # the first death may come before any checkpoint
            while process.poll() is None and not (
                newest_step(killed) > reached if deaths else begun.exists()
            ):
                assert time.monotonic() < until
                time.sleep(0.01)
            time.sleep(clock.uniform(0, 0.6))
            process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
        deaths, reached, words = deaths + 1, newest_step(killed), ["--resume"]
    assert deaths >= 2
    assert_same_bits(whole, killed)


def newest_step(folder: Path) -> int:
    return max((int(p.stem[5:]) for p in folder.glob("checkpoints/step-*.safetensors")), default=0)


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path: Path, environment: dict[str, str]) -> None:
    out = tmp_path / "run"
    words = ["--data", "digits", "--hidden", 8, 8, "--steps", 100_000, "--checkpoint-every", 20]
    process = subprocess.Popen(
        command("train", "gan", "--out", out, *words), env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while not newest_step(out):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "finishing this step and saving" in complained
    assert "Traceback" not in complained
    assert f"resume with: reverie train --out {out} --resume" in said
    stopped = newest_step(out)
    assert f"stopped after {stopped:,} steps" in said
    again = reverie.train("gan", out=out, resume=True, steps=stopped + 3)
    assert again.steps == stopped + 3


def test_a_disk_that_is_full_costs_nothing_that_was_there(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    out = tmp_path / "run"
    reverie.train("gan", out=out, steps=4, checkpoint_every=4, **SMALL)
    before = {p.name: p.read_bytes() for p in (out / "checkpoints").iterdir()}

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    done = subprocess.run(
        command("train", "gan", "--out", out, "--resume", "--steps", 8), env=environment,
        text=True, capture_output=True, preexec_fn=small_files, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "the checkpoint of step 8 could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    after = {p.name: p.read_bytes() for p in (out / "checkpoints").glob("*.safetensors")}
    assert after == {k: v for k, v in before.items() if k.endswith("safetensors")}
    assert not list(out.rglob("*.part"))
    assert reverie.train("gan", out=out, resume=True, steps=8).steps == 8


IN_TWO_PROCESSES = [
    sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("gan", ["--hidden", 16, 32, "--r1", 1, "--r2", 1, "--penalty-every", 1]),
        pytest.param("vae", ["--hidden", 32], marks=pytest.mark.slow),
    ],
)
def test_two_processes_give_the_gradients_of_one_with_twice_the_batch(
    tmp_path: Path, environment: dict[str, str], method: str, options: list[object]
) -> None:
    words = ["--data", "digits", "--precision", "fp32", "--device", "cpu", "--steps", 2, *options]
    one, two = tmp_path / "one", tmp_path / "two"
    alone = command("train", method, "--out", one, "--batch-size", 16, *words)
    subprocess.run(alone, env=environment, check=True)
    together = [
        *IN_TWO_PROCESSES,
        *command("train", method, "--out", two, "--batch-size", 8, *words)[1:],
    ]
    quiet = environment | {"PYTHONWARNINGS": "ignore"}
    subprocess.run(together, env=quiet, check=True, timeout=120)
    expected, got = final_tensors(one), final_tensors(two)
    slots = [name for name in expected if name.endswith("exp_avg")]
    assert slots
    for name in slots:  # Adam's memory after two steps is a sum of the two gradients
        scale = expected[name].abs().max()
        torch.testing.assert_close(got[name] / scale, expected[name] / scale, rtol=0, atol=1e-4)
    assert os.listdir(two / "samples") == os.listdir(one / "samples")


def test_two_processes_measure_what_one_does(tmp_path: Path, environment: dict[str, str]) -> None:
    reverie.train("vae", out=tmp_path / "run", data="digits", steps=1, batch_size=8)
    words = ("evaluate", tmp_path / "run", "--data", "digits", "--count", 41, "--out")
    subprocess.run(command(*words, tmp_path / "one.json"), env=environment, check=True)
    together = [*IN_TWO_PROCESSES, *command(*words, tmp_path / "two.json")[1:]]
    done = subprocess.run(
        together, env=environment | {"PYTHONWARNINGS": "ignore"}, check=True, timeout=120,
        capture_output=True, text=True,
    )  # fmt: skip
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert done.stdout.count("frechet_distance") == 1  # and one of them says so
    assert two == pytest.approx(one, rel=1e-4)
