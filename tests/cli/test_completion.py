import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reverie.cli.completion import FILES, completions, script_for
from reverie.cli.completion_scripts import SCRIPTS
from reverie.cli.main import COMMANDS, main
from reverie.core.errors import UserError
from reverie.data import DATASETS
from reverie.methods import METHODS


def words_for(*words: str) -> list[str]:
    """The candidates for the last word."""
    return [line.split("\t")[0] for line in completions(words, COMMANDS).splitlines()]


def test_commands_methods_and_datasets() -> None:
    assert {name.split()[0] for name in COMMANDS} <= set(words_for(""))
    assert words_for("tr") == ["train", "translate"]
    assert words_for("train", "") == list(METHODS)
    assert words_for("data", "") == ["list", "get", "check"]
    assert words_for("train", "vae", "--data", "") == [*DATASETS, FILES]
    assert words_for("data", "get", "ea") == ["earth", "earth-night"]
    assert "digits" not in words_for("data", "get", "")  # it is not fetched
    assert words_for("reproduce", "vae") == ["vae-latents"]
    assert "exit-codes" in words_for("help", "")
    assert words_for("--completion", "") == list(SCRIPTS)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("train vae --lat", ["--latent-size", "--latent-weight"]),
        ("train vae --network ", ["auto", "linear", "convolutional"]),
        ("train vae --network=l", ["--network=linear"]),
        ("train vae --network = l", ["linear"]),  # as bash divides it
        ("train vae --network =", ["auto", "linear", "convolutional"]),
        ("train vae --preset digits-2", ["digits-2", "digits-20"]),
        ("train cyclegan --no-f", ["--no-flip"]),
        ("train cyclegan --augment colour c", ["colour", "cutout"]),
        ("train vae -o ", [FILES]),
        ("train --resume --o", ["--out"]),
        ("train --config ", [FILES]),
        ("train --resume --out ", [FILES]),
        ("train vae --preset au", ["auto"]),
        ("sweep vae --preset au", []),
        ("runs ", [FILES]),
        ("open ", [FILES]),
        ("report ", [FILES]),
        ("sample d", ["digits", FILES]),
        ("sample digits --out ", [FILES]),
        ("sample digits -n", ["-n"]),
        ("sample digits --sampler d", ["ddpm", "ddim", "dpmpp-2m"]),
        ("translate RUN ", [FILES]),
        ("data get faces --att", ["--attribute"]),
        ("sweep vae latent", ["latent_size=", "latent_weight="]),
        ("sweep vae latent_size=2 --jo", ["--jobs"]),
        ("train nothing --", []),
        ("nothing ", []),
    ],
)
def test_flags_and_values(words: str, found: list[str]) -> None:
    given = words_for(*words.split(" "))
    assert [word for word in given if word != "digits" or "digits" in found][: len(found)] == found
    assert found or not given


def test_every_candidate_has_an_explanation_of_one_line() -> None:
    for words in (["train", "srgan", "-"], [""], ["train", ""]):
        for line in completions(words, COMMANDS).splitlines():
            assert line == FILES or line.split("\t")[1], line


def test_a_shell_must_be_named() -> None:
    for words in ([], ["csh"], ["bash", "zsh"]):
        with pytest.raises(UserError, match=r"reverie --completion bash\|zsh\|fish"):
            script_for(words)


@pytest.fixture
def on_path(tmp_path: Path, environment: dict[str, str]) -> dict[str, str]:
    """An environment in which `reverie` is this one."""
    program = tmp_path / "bin" / "reverie"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reverie "$@"\n')
    program.chmod(0o755)
    paths = os.pathsep.join(filter(None, sys.path))
    return environment | {
        "PATH": f"{program.parent}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": paths,
    }


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(on_path: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "my photos").mkdir()
    code = """source <(reverie --completion bash)
    try() { COMP_WORDS=(reverie "$@"); COMP_CWORD=$#; _reverie; echo "${COMPREPLY[*]}"; }
    try train vae --pres; try train vae --data e; try sample m; try train vae --network = c"""
    done = subprocess.run(
        ["bash", "-c", code], capture_output=True, text=True, env=on_path, cwd=tmp_path, check=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "--preset", "earth earth-night emoji emoji-free", "my photos", "convolutional"
    ]  # fmt: skip


ZSH_TRY = """compdef() { }
_describe() { print -l -- ${found%%:*} }
_files() { print -- files }
source <(reverie --completion zsh)
try() { words=(reverie "$@"); CURRENT=$#words; _reverie }
try train vae --pres; try train vae --data e; try sample m; try train vae --network=c"""
"""zsh without its completion system, whose functions print what they are given."""

FISH_TRY = """reverie --completion fish | source
for line in "train vae --pres" "train vae --data e" "sample m" "train vae --network=c"
    complete -C "reverie $line" | string split -f 1 \\t
end"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_completes(on_path: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        ["zsh", "-f", "-c", ZSH_TRY], capture_output=True, text=True, env=on_path, cwd=tmp_path
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "--preset", "earth", "earth-night", "emoji", "emoji-free", "files", "files",
        "--network=convolutional"
    ]  # fmt: skip


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_fish_completes(on_path: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "my photos").mkdir()
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        ["fish", "--no-config", "-c", FISH_TRY],
        capture_output=True, text=True, env=on_path | home, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "--preset", "earth", "earth-night", "emoji", "emoji-free", "my photos/",
        "--network=convolutional"
    ], done.stderr  # fmt: skip


@pytest.mark.parametrize("shell", SCRIPTS)
def test_shells_read_their_script(shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text(SCRIPTS[shell])
    subprocess.run([program, "-n", tmp_path / "script"], check=True)


def test_at_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--completion", "bash"]) == 0
    assert capsys.readouterr().out == SCRIPTS["bash"]
    assert main(["--complete", "sample", "digits", "-v"]) == 0
    assert main(["--complete"]) == 0
    assert "train\t" in capsys.readouterr().out
    assert main(["--completion", "tcsh"]) == 2
