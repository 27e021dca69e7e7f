"""Work that is killed, or whose disk fails, at any durable call: see crashes.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crashes import VERBS, WORKS

ONE_HALF = ("gan", "vae", "diffusion", "cyclegan")
OTHER_HALF = ("srgan", "accumulation", "validation", "encoder")
ROOT = Path(__file__).parents[1]


def assert_nothing_is_lost(environment: dict[str, str], *words: object) -> None:
    command = [sys.executable, "-m", "tests.crashes", *map(str, words)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


@pytest.mark.parametrize(
    "works",
    [ONE_HALF, pytest.param(OTHER_HALF, marks=pytest.mark.slow)],
)
def test_a_killed_training_ends_in_the_same_files(
    environment: dict[str, str], works: tuple[str, ...]
) -> None:
    assert_nothing_is_lost(environment, *works, "--sample", 2)


def test_a_full_disk_costs_nothing(environment: dict[str, str]) -> None:
    assert_nothing_is_lost(environment, "gan", "encoder", "--error", "ENOSPC", "--sample", 3)


def test_one_of_two_processes_is_killed(environment: dict[str, str]) -> None:
    assert_nothing_is_lost(environment, "two-processes", "--sample", 2)


def test_a_killed_command_ends_in_the_same_files(environment: dict[str, str]) -> None:
    assert_nothing_is_lost(environment, *VERBS, "--sample", 2)
    assert_nothing_is_lost(environment, "translate", "film", "--sample", 2, "--error", "EIO")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("work", WORKS)
def test_at_every_call(environment: dict[str, str], work: str) -> None:
    assert_nothing_is_lost(environment, work)
    for error in ("ENOSPC", "EIO"):
        assert_nothing_is_lost(environment, work, "--error", error)
