from pathlib import Path

import pytest

from reverie.cli.main import main, parse_command
from reverie.cli.parse import flags
from reverie.cli.sweep import SweepCommand, SweepFlags
from reverie.cli.train import TrainFlags, flags_of
from reverie.core.errors import UserError
from reverie.methods.presets import recipe_for


def parsed(*words: object) -> SweepCommand:
    command = parse_command(["sweep", *map(str, words)])
    assert isinstance(command, SweepCommand)
    return command


def test_options_with_several_values_and_flags() -> None:
    command = parsed(
        "gan", "latent_size=2,4,8", "seed=0,1", "--data", "digits", "--minutes", 1, "--out", "x"
    )
    assert command.axes == {"latent_size": [2, 4, 8], "seed": [0, 1]}
    assert command.changes == {"data": "digits", "minutes": 1.0}
    assert command.flags == SweepFlags(out=Path("x"))


def test_a_preset_and_jobs() -> None:
    command = parsed("vae", "seed=0,1", "--preset", "digits-2", "--jobs", 2, "--json", "--out=x")
    assert (command.flags.preset, command.flags.jobs, command.json) == ("digits-2", 2, True)
    assert command.changes == {}


def test_the_flags_are_those_of_a_training() -> None:
    own = flags(SweepFlags) - {"--help"}
    assert flags(flags_of(recipe_for("gan"), SweepFlags)) - own == (
        flags(flags_of(recipe_for("gan"))) - (flags(TrainFlags) - {"--help"})
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "reverie sweep METHOD NAME=VALUE,VALUE"),
        (["--data", "digits"], "the method comes first"),
        (["gann", "seed=0,1"], "there is no method 'gann'; did you mean 'gan'"),
        (["gan", "sede=0,1"], "gan has no option 'sede'; did you mean 'seed'"),
        (["gan", "seed=0,one"], "seed must be an integer, not 'one'"),
        (["gan", "seed=0,1", "--seed", 0, "--out", "x"], "seed is given as one value and as"),
        (["gan", "latent-size=2", "--latent_size=4"], "latent_size is given as one value and"),
        (["gan", "flip=true,false", "--no-flip"], "flip is given as one value and as several"),
        (["gan", "seed=0,1", "--jobs", 0, "--out", "x"], "--jobs must be at least 1, not 0"),
        (["gan", "seed=0,1"], "--out must be given"),
        (["gan", "seed=0,1", "--out", "x", "--resume"], "has no option --resume"),
        (
            ["gan", "--data", "digits", "seed=0,1", "--out", "x"],
            "seed=0,1 must stand before all flags",
        ),
    ],
)
def test_what_cannot_be_understood(words: list[object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parsed(*words)


def test_nothing_to_sweep_through(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["sweep", "gan", "--data", "digits", "--out", str(tmp_path / "x")]) == 2
    assert "a sweep needs options with several values" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["sweep", "gan", "--help"])
    assert stop.value.code == 0
    assert "--latent-size" in capsys.readouterr().out
