import shlex
from typing import Any

import pytest

from reverie.cli.main import COMMANDS, parse_command
from reverie.cli.train import TrainCommand
from reverie.cli.verbs import (
    InvalidOption,
    argv_of,
    command_line,
    describe,
    options_of_verb,
    outputs_of,
    verb_names,
)
from reverie.core.errors import UserError
from reverie.methods import METHODS


def test_every_command_that_takes_time_is_a_verb() -> None:
    assert set(verb_names()) <= set(COMMANDS)
    assert {"train", "sweep", "sample", "dream", "reproduce", "data get"} <= set(verb_names())
    assert "studio" not in verb_names()
    assert "serve" not in verb_names()


@pytest.mark.parametrize("method", METHODS)
def test_every_option_of_a_method_has_a_schema_and_help(method: str) -> None:
    schema: Any = describe("train", {"method": method})["schema"]
    for name, one in schema["properties"].items():
        assert one["description"], name
        assert one.keys() & {"type", "enum", "anyOf"}, name
        assert one["x-group"] in ("Run", "Dataset", "Training", "Method")
    assert schema["required"] == ["method", "out"]


@pytest.mark.parametrize("method", METHODS)
def test_the_defaults_are_no_words(method: str) -> None:
    """A form that is sent with all of its defaults trains the same as an empty one."""
    schema: Any = describe("train", {"method": method})["schema"]
    defaults = {n: one["default"] for n, one in schema["properties"].items() if "default" in one}
    given = {"method": method, "data": "digits", "out": "runs/a"}
    assert argv_of("train", defaults | given) == argv_of("train", given)


def test_what_is_given_arrives() -> None:
    options = {
        "method": "cgan", "preset": "digits", "data": "digits", "out": "runs/a b", "steps": 7,
        "image_size": "96x64", "augment": ["colour", "translation"], "flip": True, "cache": False,
        "learning_rate": 1e-4,
    }  # fmt: skip
    argv = argv_of("train", options)
    command = parse_command(argv)
    assert isinstance(command, TrainCommand)
    assert str(command.flags.out) == "runs/a b"
    changes = dict(command.changes)
    assert changes["steps"] == 7
    assert changes["image_size"] == "96x64"
    assert changes["augment"] == ("colour", "translation")
    assert (changes["flip"], changes["cache"]) == (True, False)
    assert shlex.split(command_line(argv))[1:] == argv


@pytest.mark.parametrize(
    ("verb", "options", "words"),
    [
        ("sample", {"model": "digits", "label": ["3", "7"]}, ["digits", "--label", "3", "7"]),
        ("sample", {"model": "digits", "between": [1, 2]}, ["digits", "--between", "1", "2"]),
        ("edit", {"model": "m", "expression": "A - B"}, ["m", "A - B"]),
        ("data get", {"name": "faces", "attribute": "Male"}, ["faces", "--attribute=Male"]),
        ("reproduce", {"name": "dreams", "budget": 0.5}, ["dreams", "--budget=0.5"]),
        ("compare", {"runs": ["a", "b"]}, ["a", "b"]),
        (
            "sweep",
            {"method": "vae", "axes": ["seed=0,1"], "out": "s"},
            ["vae", "seed=0,1", "--out=s"],
        ),
        (
            "train",
            {"method": "gan", "out": "r", "seed": -3},
            ["gan", "--out=r", "--seed=-3", "--preset=default"],
        ),
    ],
)  # fmt: skip
def test_words(verb: str, options: dict[str, Any], words: list[str]) -> None:
    assert argv_of(verb, options) == [*verb.split(), *words]


@pytest.mark.parametrize(
    ("verb", "options", "option", "words"),
    [
        ("train", {"method": "cgan"}, "out", "out must be given"),
        ("train", {"method": "cgan", "out": "x", "widht": 3}, "widht", "did you mean 'width'?"),
        ("train", {"method": "cgan", "out": "x", "width": 0}, "width", "at least 1, not 0"),
        ("train", {"method": "cgan", "out": "x", "width": "many"}, "width", "an integer"),
        ("train", {"method": "cgan", "out": "x", "steps": 3, "minutes": 1}, None, "one training"),
        ("train", {"method": "cgan", "out": 3}, "out", "a path"),
        ("sample", {"model": "-n"}, "model", "begins with a hyphen"),
        ("sample", {"model": "x", "label": ["--out=/etc"]}, "label", "begins with a hyphen"),
        ("compare", {"runs": []}, None, ""),
    ],
)
def test_what_does_not_fit_is_said_at_its_option(
    verb: str, options: dict[str, Any], option: str | None, words: str
) -> None:
    if not words:
        argv_of(verb, options)  # said when it runs
        return
    with pytest.raises(InvalidOption, match=words) as wrong:
        argv_of(verb, options)
    assert wrong.value.option == option


def test_no_such_verb_or_method() -> None:
    with pytest.raises(UserError, match="did you mean 'sample'"):
        describe("sampel", {})
    with pytest.raises(UserError, match="did you mean 'cgan'"):
        describe("train", {"method": "cgn"})


def test_where_a_command_writes() -> None:
    assert outputs_of("sample", {"model": "x"}) == {"out": "samples", "film": None}
    assert outputs_of("train", {"method": "vae", "out": "r"}) == {"out": "r"}
    names = {option.name for option in options_of_verb("evaluate", {})}
    assert set(outputs_of("evaluate", {})) == {"out", "report", "save_stats"} <= names
