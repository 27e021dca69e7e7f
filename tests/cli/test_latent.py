from pathlib import Path

import pytest

from reverie.cli.latent import EditCommand, InterpolateCommand, ReconstructCommand
from reverie.cli.main import parse_command
from reverie.core.errors import UserError
from reverie.core.options import options_of
from reverie.inference.options import EditOptions, InterpolateOptions, ReconstructOptions


def test_edit() -> None:
    words = ["edit", "run", "Male - Smiling", "--leave", "Male", "--kind", "classifier"]
    command = parse_command([*words, "--exemplars", "3"])
    assert isinstance(command, EditCommand)
    assert (command.model, command.expression) == ("run", ("Male - Smiling",))
    assert options_of(EditOptions, command) == EditOptions(
        leave=("Male",), kind="classifier", exemplars=3
    )
    with pytest.raises(UserError, match="give one expression in quotes"):
        parse_command(["edit", "run", "Male", "-", "Smiling"]).run()


def test_interpolate() -> None:
    command = parse_command(
        ["interpolate", "run", "--seeds", "1", "2", "3", "--loop", "--frames", "9"]
    )
    assert isinstance(command, InterpolateCommand)
    assert command.out == Path("walk.gif")
    assert options_of(InterpolateOptions, command) == InterpolateOptions(
        seeds=(1, 2, 3), loop=True, frames=9
    )


def test_reconstruct() -> None:
    command = parse_command(
        ["reconstruct", "run", "a.png", "folder", "--refine", "5", "--out", "b.png"]
    )
    assert isinstance(command, ReconstructCommand)
    assert command.images == (Path("a.png"), Path("folder"))
    assert options_of(ReconstructOptions, command) == ReconstructOptions(refine=5)
    with pytest.raises(UserError, match="--refine must be at least 0"):
        parse_command(["reconstruct", "run", "a.png", "--refine", "-1"])
