"""Standard output that is closed, full, read by nobody or unable to show a character."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = f"{sys.executable} -m reverie"


def shell(command: str, environment: dict[str, str], **more: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command of the shell."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.replace("reverie", COMMAND)],
        env=environment | more, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("words", ["--help", "sample --help", "data list", "data list --json"])
def test_a_full_disk_is_one_sentence(environment: dict[str, str], words: str) -> None:
    code, _, said = shell(f"reverie {words} > /dev/full", environment)
    assert code == 2
    assert said == "reverie: the result could not be printed (No space left on device).\n"


@pytest.mark.parametrize("words", ["--help", "sample --help", "data list"])
def test_a_closed_output_is_quiet(environment: dict[str, str], words: str) -> None:
    assert shell(f"reverie {words} >&-", environment) == (0, "", "")
    assert shell(f"reverie {words} >&- 2>&-", environment) == (0, "", "")


@pytest.mark.parametrize("words", ["--help", "data list"])
def test_a_reader_may_leave(environment: dict[str, str], words: str) -> None:
    assert shell(f"reverie {words} | true", environment) == (0, "", "")


def test_a_closed_standard_error_changes_nothing(environment: dict[str, str]) -> None:
    assert shell("reverie info nothing 2>&-", environment) == (2, "", "")
    assert shell("reverie info nothing 2>/dev/full", environment) == (2, "", "")


def test_characters_that_the_encoding_lacks(environment: dict[str, str]) -> None:
    code, out, said = shell("reverie data list", environment, PYTHONIOENCODING="ascii")
    assert (code, said) == (0, "")
    assert r"28\xd728" in out
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code, out, said = shell(r"reverie info $'\xff\e[31m×[bold]'", environment, **plain)
    assert code == 2
    assert r"\udcff" in said
    assert r"\x1b[31m" in said
    assert "[bold]: there is no run" in said


@pytest.mark.parametrize(
    "words", ["sample digits --out ''", "sample digits --out=", "info ''", "data check ''"]
)
def test_empty_values_are_refused(environment: dict[str, str], words: str, tmp_path: Path) -> None:
    code, out, said = shell(f"cd {tmp_path} && reverie {words}", environment)
    assert (code, out) == (2, "")
    assert "was given an empty value" in said
    assert os.listdir(tmp_path) == []
