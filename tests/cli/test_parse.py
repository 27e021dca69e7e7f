from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro

from reverie.cli.parse import RENAMED_VALUES, flags, parse, value_of
from reverie.core.errors import UserError
from reverie.core.options import Checked, Positive


@dataclass(frozen=True, kw_only=True)
class Inner(Checked):
    """Options."""

    image_size: Positive = 64
    """Side in pixels."""
    statistics: Literal["trained", "image"] = "trained"
    """Which."""
    minutes: float | None = None
    """How long."""
    seed: Positive | None = None
    """Of what is random."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """Which model."""
    out: Path
    """Where to."""
    loop: bool = False
    """Again."""
    inner: Inner = field(default_factory=Inner)


def test_words_become_a_dataclass() -> None:
    made = parse(Command, "prog", ["m", "--out", "x", "--image-size", "32", "--loop"])
    assert made == Command(model="m", out=Path("x"), loop=True, inner=Inner(image_size=32))
    made = parse(Command, "prog", ["--out=x", "m", "--image_size=32", "--no-loop"])
    assert made == Command(model="m", out=Path("x"), inner=Inner(image_size=32))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("m", "--out must be given. See prog --help."),
        ("", "MODEL and --out must be given. See prog --help."),
        ("m --out x --image-size 0", "--image-size must be at least 1, not 0. See prog --help."),
        (
            "m --out x --imgae-size 3",
            "prog has no option --imgae-size; did you mean '--image-size'?",
        ),
        (
            "m --out x --imgae-size=3",
            "prog has no option --imgae-size; did you mean '--image-size'?",
        ),
        (
            "m --out x -n 5",
            "prog has no option -n, which is --count of other commands. See prog --help.",
        ),
    ],
)
def test_what_cannot_be_understood_is_one_sentence(words: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(Command, "prog", words.split())
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("m --out x --image-size wide", ("--image-size", "wide")),
        ("m --out x --statistics pictures", ("--statistics", "pictures", "trained", "image")),
        ("m --out x --statistics pictures", ("must be one of image, trained, not 'pictures'.",)),
        ("m --out x --image-size big", ("--image-size must be an integer, not 'big'.",)),
        ("m --out x --image-size 1e3", ("--image-size must be an integer, not '1e3'.",)),
        ("m --out x --minutes soon", ("--minutes must be a number, not 'soon'.",)),
        ("m --out x --seed 1.5", ("--seed must be an integer, not '1.5'.",)),
        ("m --out x --image-size", ("--image-size needs a value.",)),
        ("m --out x surplus", ("surplus",)),
    ],
)
def test_the_sentence_names_the_word(words: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as refused:
        parse(Command, "prog", words.split())
    message = str(refused.value)
    assert "\n" not in message
    assert not set("│╭╮╰╯─") & set(message)
    assert message.endswith("See prog --help.")
    assert all(part in message for part in parts)


@pytest.mark.parametrize("words", [["--statistics", "picture"], ["--statistics=picture"]])
def test_a_renamed_value_warns(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    made = parse(Command, "prog", ["m", "--out", "x", *words])
    assert made.inner.statistics == "image"
    err = capsys.readouterr().err
    assert "--statistics picture is called --statistics image from now on" in err


def test_present_values_do_not_warn(capsys: pytest.CaptureFixture[str]) -> None:
    parse(Command, "prog", ["picture", "--out", "picture", "--statistics", "image"])
    assert capsys.readouterr().err == ""


def test_renamed_values_lead_to_present_ones() -> None:
    assert all((flag, new) not in RENAMED_VALUES for (flag, _), new in RENAMED_VALUES.items())


def test_flags_of_nested_dataclasses() -> None:
    own = {"--help", "--model", "--out", "--loop", "--no-loop"}
    assert flags(Command) == own | {"--image-size", "--statistics", "--minutes", "--seed"}


def test_the_value_of_a_flag() -> None:
    words = ["m", "--out", "x", "--preset=a=b", "--resume"]
    assert value_of(words, "--out") == "x"
    assert value_of(words, "--preset") == "a=b"
    assert value_of(words, "--resume") is None
    assert value_of(words, "--pre") is None


def test_help_explains_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(Command, "prog", ["--help"], "What it is for.")
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for words in ("usage: prog", "What it is for.", "--image-size", "Side in pixels.", "MODEL"):
        assert words in out
