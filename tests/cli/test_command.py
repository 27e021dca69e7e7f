import dataclasses
import json
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest

from reverie.cli.command import Command
from reverie.cli.help import help_text
from reverie.cli.main import COMMANDS, main, parse_command
from reverie.core.errors import UserError
from reverie.core.result import INTERRUPTED, Result


@dataclass(frozen=True)
class Counted(Result):
    count: int

    def summary(self) -> str:
        return f"{self.count} things"

    @property
    def exit_code(self) -> int:
        return INTERRUPTED if self.count == 13 else 0


@dataclass(frozen=True, kw_only=True)
class CountCommand(Command):
    """Count things; slowly."""

    usage: ClassVar = "-n 3"
    n: int = 3
    """How many."""

    def run(self) -> Counted:
        if self.n == 7:
            raise UserError("seven is not counted.")
        if self.n == 8:
            raise KeyboardInterrupt
        if self.n == 9:
            raise FileNotFoundError(2, "No such file or directory", "things.txt")
        return Counted(self.n)


@pytest.fixture(autouse=True)
def _count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "count", CountCommand)


def test_a_command_is_parsed() -> None:
    assert CountCommand.parse("reverie count", ["--n", "5", "--json"]) == CountCommand(
        n=5, json=True
    )
    assert parse_command(["count", "--n", "5"]) == CountCommand(n=5)
    with pytest.raises(UserError, match="did you mean 'count'"):
        parse_command(["cuont"])


def test_a_result_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count"]) == 0
    assert capsys.readouterr().out == "3 things\n"
    assert main(["count", "--n", "13", "--json"]) == 130
    assert json.loads(capsys.readouterr().out) == {"count": 13}


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (7, 2, "reverie: seven is not counted."),
        (8, 130, "reverie: stopped."),
        (9, 2, "reverie: things.txt: No such file or directory."),
    ],
)
def test_a_refusal_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str], number: int, code: int, message: str
) -> None:
    assert main(["count", "--n", str(number)]) == code
    out, err = capsys.readouterr()
    assert (out, err.strip()) == ("", message)
    assert main(["count", "--n", str(number), "--json"]) == code
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": message.removeprefix("reverie: ")}


def test_only_the_first_process_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["count"]) == 0
    assert capsys.readouterr().out == ""


def test_help_has_a_line_for_each_command() -> None:
    lines = help_text().splitlines()
    starts = [line.strip() for line in lines if line.startswith("  reverie ")]
    known = {name: kind for name, kind in COMMANDS.items() if name != "count"}
    assert starts == [f"reverie {name} {kind.usage}".rstrip() for name, kind in known.items()]
    after = dict(pairwise(line.strip() for line in lines))
    assert after["reverie methods"] == "List the methods that can be trained"
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_a_frozen_dataclass_in_words(name: str) -> None:
    kind = COMMANDS[name]
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}(")  # the one that dataclass writes
    assert "json" in {field.name for field in dataclasses.fields(kind)}
