"""Trainings in several threads of one process end in the bits of the same trainings alone.

Recipes that draw in every way: dropout, augmentation, noise levels, latents; in fp32 and in bf16,
whose converted weights PyTorch keeps in one table for all threads.
"""

import functools
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import reverie
from reverie.runs.run import Run
from reverie.training import monitor
from reverie.training.report import write_report

SMALL = {"batch_size": 4, "steps": 6, "log_every": 3, "seed": 5}
RECIPES: list[tuple[str, dict[str, Any]]] = [
    ("diffusion", {"width": 8, "dropout": 0.3, "precision": "fp32"}),
    ("pix2pix", {"width": 4, "discriminator_width": 4, "blocks": 1, "network": "resnet",
                 "dropout": True, "image_size": 32, "precision": "bf16"}),
    ("dcgan", {"width": 4, "latent_size": 8, "augment": ("colour", "translation", "cutout"),
               "spectral_norm": True, "precision": "bf16"}),
    ("vae", {"width": 4, "network": "convolutional", "precision": "fp32"}),
]  # fmt: skip


def weights(folder: Path) -> dict[str, torch.Tensor]:
    checkpoint = Run(folder).newest_checkpoint()
    assert checkpoint is not None
    return checkpoint.tensors


def in_threads(jobs: list[Callable[[], object]]) -> None:
    """Run the jobs at the same time; what one raises is raised here."""
    begin, failures = threading.Barrier(len(jobs)), []

    def run(job: Callable[[], object]) -> None:
        begin.wait()
        try:
            job()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure


def train(number: int, out: Path, sides: dict[str, str]) -> None:
    method, options = RECIPES[number]
    data = sides if method == "pix2pix" else {"data": "digits"}
    reverie.train(method, out=out, **SMALL | data | options)


def test_trainings_in_two_and_in_four_threads_are_those_alone(
    tmp_path: Path, photos: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "write_report", lambda *_: None)  # takes longer than all else
    sides = {"data": str(photos(8, "a")), "data_b": str(photos(8, "b"))}
    for number in range(len(RECIPES)):
        train(number, tmp_path / f"alone-{number}", sides)
    state = torch.get_rng_state()
    for turn, numbers in enumerate([(0, 1), (2, 1), (0, 1, 2, 3)]):
        in_threads([
            functools.partial(train, n, tmp_path / f"together-{turn}-{n}", sides) for n in numbers
        ])  # fmt: skip
    assert torch.equal(torch.get_rng_state(), state)  # the caller's own draws are not disturbed
    for folder in tmp_path.glob("together-*"):
        number = int(folder.name.split("-")[2])
        alone, together = weights(tmp_path / f"alone-{number}"), weights(folder)
        differing = [
            name for name, tensor in alone.items() if not torch.equal(tensor, together[name])
        ]
        assert differing == [], (folder.name, RECIPES[number][0])


def test_reports_in_threads_are_those_alone(tmp_path: Path) -> None:
    run = Run(tmp_path / "alone-0")
    train(3, run.folder, {})
    alone, runs = run.report.read_bytes(), [Run(tmp_path / str(n) / "alone-0") for n in range(2)]
    for other in runs:
        shutil.copytree(run.folder, other.folder)
        other.report.unlink()
    in_threads([functools.partial(write_report, other) for other in runs for _ in range(2)])
    assert [other.report.read_bytes() == alone for other in runs] == [True, True]
