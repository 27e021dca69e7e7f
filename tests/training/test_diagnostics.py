"""Diagnostics of logs that are written here, and of trainings that are made to fail."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import reverie
from reverie.data import DataOptions, open_dataset
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for
from reverie.runs.run import Run
from reverie.training.diagnostics import diagnose, kind_of

GAN = METHODS["gan"].Options()


def log(steps: int = 1000, every: int = 50, **losses: Any) -> list[dict[str, Any]]:
    """Lines of a log whose losses are numbers, or functions of the line's index."""
    names = {name.replace("_of_", "/"): value for name, value in losses.items()}
    return [
        {"step": step, "losses": {k: v(n) if callable(v) else v for k, v in names.items()}}
        for n, step in enumerate(range(every, steps + 1, every))
    ]


def balanced(real: Any, fake: Any, **more: Any) -> dict[str, Any]:
    return {
        "discriminator": 1.2,
        "discriminator_of_probability_real": real,
        "discriminator_of_probability_fake": fake,
    } | more


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    return [kind_of(warning).strip() for warning in diagnose(lines, GAN)]


def test_nothing_is_said_of_a_balanced_training() -> None:
    assert diagnose([], GAN) == []
    assert kinds(log(**balanced(0.7, 0.3))) == []
    assert kinds(log(**balanced(0.93, 0.07))) == []
    assert kinds(log(bound=3.0)) == []  # no discriminator


def test_the_discriminator_has_won() -> None:
    assert kinds(log(**balanced(0.97, 0.02))) == ["the discriminator has won"]
    assert kinds(log(450, **balanced(0.97, 0.02))) == []  # too early
    assert kinds(log(**balanced(lambda n: 0.99 if n == 19 else 0.7, 0.01))) == []  # one line
    assert kinds(log(6000, 2000, **balanced(0.97, 0.02)) * 2) == ["the discriminator has won"]


def test_the_generator_has_won() -> None:
    assert kinds(log(**balanced(0.501, 0.5))) == ["the generator has won against the discriminator"]
    assert kinds(log(**balanced(0.4, 0.8)))
    assert kinds(log(**balanced(0.51, 0.495))) == []  # as in good trainings


def test_each_discriminator_is_judged_by_itself() -> None:
    losses = {
        "discriminators": 1.0,
        "discriminators_of_probability_real_a": 0.7,
        "discriminators_of_probability_fake_a": 0.3,
        "discriminators_of_probability_real_b": 0.99,
        "discriminators_of_probability_fake_b": 0.01,
    }
    assert kinds(log(**losses)) == ["the discriminator B has won"]


def test_oscillation() -> None:
    swings = balanced(0.7, 0.3, discriminator=lambda n: (0.2, 3.0)[n % 2])
    assert kinds(log(**swings)) == ["the loss of the discriminator oscillates"]
    assert kinds(log(900, **swings)) == []  # a window later than the first steps
    noise = np.random.default_rng(0).normal(1, 0.3, 99)
    assert kinds(log(**balanced(0.7, 0.3, discriminator=lambda n: noise[n]))) == []
    assert kinds(log(**balanced(0.7, 0.3, discriminator=lambda n: 3 * 0.6**n))) == []  # it falls
    assert kinds(log(generator=lambda n: (0.2, 3.0)[n % 2])) == []  # no probabilities: not judged


def test_lines_of_few_steps_are_averaged() -> None:
    """A slow training logs by time: means of five steps are noisier than those of fifty."""
    swings = balanced(0.7, 0.3, discriminator=lambda n: (0.2, 3.0)[n % 2])
    assert kinds(log(1500, every=50, **swings)) == ["the loss of the discriminator oscillates"]
    assert kinds(log(1500, every=5, **swings)) == []
    slow = balanced(0.7, 0.3, discriminator=lambda n: (0.2, 3.0)[n // 10 % 2])
    assert kinds(log(1500, every=5, **slow)) == ["the loss of the discriminator oscillates"]


def checked(*checks: dict[str, float]) -> list[dict[str, Any]]:
    """A log with the figures of checks every 250 steps, the first at step 500."""
    lines = log(250 * (len(checks) + 1))
    for line in lines:
        if line["step"] >= 500 and line["step"] % 250 == 0:
            line["diversity"] = checks[line["step"] // 250 - 2]
    return lines


@pytest.mark.parametrize(
    ("name", "low"),
    [("samples/modes", 0.2), ("samples/spacing", 0.005), ("translations/spread_ab", 0.1)],
)
def test_mode_collapse(name: str, low: float) -> None:
    fine = {"samples/modes": 0.9, "samples/spacing": 1.0, "translations/spread_ab": 0.9}
    bad = fine | {name: low}
    assert kinds(checked(bad, bad, bad)) == ["mode collapse"]
    assert kinds(checked(bad, bad)) == []  # a young generator
    assert kinds(checked(bad, fine, bad)) == []
    rising = [fine | {name: low * share} for share in (0.3, 0.6, 0.9)]
    assert kinds(checked(*rising)) == []
    assert kinds(checked(bad, bad, bad)[:-1] + log(1050)[-1:]) == []  # said where it is measured


def test_losses_that_are_no_numbers_are_no_error() -> None:
    for bad in (float("nan"), float("inf"), -float("inf"), 1e308, 2**63):
        odd = balanced(bad, lambda n: (-1) ** n * bad, discriminator=lambda n: (-1) ** n * bad)  # noqa: B023
        assert isinstance(diagnose(log(**odd), GAN), list)


def test_copies() -> None:
    assert kinds(checked({"samples/copies": 0.4})) == ["memorised training images"]
    assert kinds(checked({"samples/copies": 0.1})) == []


@pytest.mark.parametrize("method", ["gan", "dcgan", "cgan", "cyclegan", "cut", "pix2pix", "srgan"])
def test_only_options_of_the_method_are_tried(method: str) -> None:
    """And of those that are on, not to switch them on."""
    recipe = recipe_for(method)
    trouble = balanced(0.99, 0.01, discriminator=lambda n: (0.2, 3.0)[n % 2])
    lines = log(**trouble)
    lines[-1]["diversity"] = {"samples/copies": 1.0}
    said = diagnose(lines, recipe.options)
    assert len(said) == 3
    for warning in said:
        assert re.match(r"[^(]+ \(.*\).*: try (.*)\.$", warning), warning
        for flag in re.findall(r"--([a-z0-9-]+)", warning):
            assert flag.replace("-", "_") in recipe.flat(), warning
    assert ("a larger --r1" in said[0]) == bool(recipe.options.r1)


# --- trainings ---------------------------------------------------------------------------------

SMALL = {
    "data": "digits", "image_size": 12, "hidden": (64, 128), "latent_size": 16, "batch_size": 32,
    "steps": 1000, "precision": "fp32", "sample_every": 10_000, "checkpoint_every": 10_000,
}  # fmt: skip


def said_by(folder: Path) -> dict[str, int]:
    """Each warning of a run's log, and the step at which it was first said."""
    said: dict[str, int] = {}
    for line in Run(folder).read_log():
        for warning in line.get("troubles", ()):
            said.setdefault(kind_of(warning).strip(), line["step"])
    return said


def test_a_training_that_is_fine(tmp_path: Path) -> None:
    reverie.train("gan", out=tmp_path / "run", **SMALL | {"steps": 700})
    assert said_by(tmp_path / "run") == {}


def test_a_learning_rate_that_is_far_too_high(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = reverie.train("gan", out=tmp_path / "run", **SMALL | {"learning_rate": 0.03})
    assert said_by(run.folder).keys() == {
        "the discriminator has won", "the loss of the discriminator oscillates", "mode collapse",
    }  # fmt: skip
    printed = " ".join(capsys.readouterr().err.split())
    for kind in said_by(run.folder):
        assert printed.count(kind) == 1
    page = run.report.read_text()
    assert "<h2>Samples beside training images</h2>" in page
    assert "try a smaller --learning-rate" in page
    # A run that is resumed has said it already.
    reverie.train("gan", out=run.folder, resume=True, steps=1050)
    assert "oscillates" in json.dumps(Run(run.folder).read_log()[-1]["troubles"])
    assert "oscillates" not in capsys.readouterr().err


def test_a_discriminator_that_is_held_back(tmp_path: Path) -> None:
    """An R1 penalty of such a weight keeps its logits at 0."""
    options = SMALL | {"r1": 10_000.0, "penalty_every": 1}
    run = reverie.train("gan", out=tmp_path / "run", **options)
    assert said_by(run.folder).keys() == {
        "the generator has won against the discriminator", "mode collapse",
    }  # fmt: skip


def test_a_resumed_run_says_the_same_at_the_same_steps(tmp_path: Path) -> None:
    changes = {"batch_size": 16, "log_every": 70, "checkpoint_every": 300, "steps": 540}
    options = SMALL | {"hidden": (8, 16)} | changes
    logs = []
    for name in ("whole", "parts"):
        run = Run(reverie.train("gan", out=tmp_path / name, **options).folder)
        if name == "parts":
            for file in run.checkpoints.glob("step-000000540.*"):
                file.unlink()
            reverie.train("gan", out=run.folder, resume=True)
        lines = run.read_log()
        logs.append([(x["step"], x.get("diversity"), x.get("troubles")) for x in lines])
    assert logs[0] == logs[1]
    assert [step for step, diversity, _ in logs[0] if diversity] == [280, 540]


@pytest.mark.slow
def test_twenty_training_images_are_memorised(tmp_path: Path) -> None:
    digits = open_dataset(DataOptions(data="digits"))
    (tmp_path / "twenty").mkdir()
    for number in range(20):
        pixels = digits.read(np.array([37 * number]))[0, ..., 0]
        Image.fromarray(pixels).save(tmp_path / "twenty" / f"{number}.png")
    run = reverie.train(
        "gan", preset="digits-64", out=tmp_path / "run", data=str(tmp_path / "twenty"),
        image_size=28, steps=1500, precision="fp32", r1=0.0, decay="none",
    )  # fmt: skip
    assert "memorised training images" in said_by(run.folder)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("method", "preset", "changes"),
    [
        ("gan", "digits-64", {"steps": 1500}),
        ("gan", "digits-2", {"steps": 1500}),
        ("dcgan", "digits", {"steps": 1000}),
        ("cgan", "digits", {"steps": 1000}),
    ],
)
def test_presets_give_no_false_alarm(
    tmp_path: Path, method: str, preset: str, changes: dict[str, Any], seed: int
) -> None:
    run = reverie.train(
        method, preset=preset, out=tmp_path / "run", seed=seed, precision="fp32", **changes
    )
    assert said_by(run.folder) == {}
