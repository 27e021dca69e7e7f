import dataclasses
import re

import pytest

from reverie.cli.data import DataGetFlags
from reverie.cli.help_page import WIDTH, columns_of, page_of, rows_of
from reverie.cli.main import COMMANDS, main
from reverie.cli.parse import flags
from reverie.cli.train import flags_of
from reverie.core.option_help import help_of
from reverie.core.option_words import choices_of, default_in_words, takes
from reverie.core.options import Positive, flag_of
from reverie.data import DataOptions
from reverie.methods import METHODS
from reverie.methods.index import method_entry
from reverie.methods.presets import recipe_for

Captured = pytest.CaptureFixture[str]


def help_of_words(capsys: Captured, *words: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    assert stop.value.code == 0
    return capsys.readouterr().out


def flags_in(text: str) -> set[str]:
    """The flags at the beginning of lines."""
    heads = re.findall(r"^  (-.*?)(?:  |$)", text, re.M)
    return {flag for head in heads for flag in re.findall(r"--[\w-]+", head)}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "train"])
def test_every_option_of_a_command_has_a_line(capsys: Captured, name: str) -> None:
    out = help_of_words(capsys, *name.split(), "--help")
    assert out.startswith(f"usage: reverie {name}")
    assert max(map(len, out.splitlines())) <= WIDTH
    kind = {"data get": DataGetFlags}.get(name, COMMANDS[name])
    if name != "sweep":
        for field in dataclasses.fields(kind):
            about = help_of(kind, field.name).split(" ")[:3]
            assert flag_of(field.name) in out or " ".join(about) in out, field.name


@pytest.mark.parametrize("name", list(METHODS))
def test_the_help_of_a_method_is_short(capsys: Captured, name: str) -> None:
    out = help_of_words(capsys, "train", name, "--help")
    whole = help_of_words(capsys, "train", name, "--help-all")
    for text in (out, whole):
        assert max(map(len, text.splitlines())) <= WIDTH
        assert "{" not in text.split("Presets")[0]
        assert "None" not in text
    shown = flags_in(out) - {"--json", "--quiet", "--verbose", "--help", "--help-all"}
    assert 10 <= len(shown) <= 16
    assert {flag_of(option) for option in METHODS[name].main_options} <= shown
    assert "--data" in shown
    known = flags(flags_of(recipe_for(name)))
    assert flags_in(whole) <= known | {"--quiet", "--verbose"}
    unused = {flag_of(option) for option in METHODS[name].unused_options}
    hidden = {flag for flag in known - flags_in(whole) if not flag.startswith("--no-")}
    of_kinds = {"--data-b", "--domain-a", "--domain-b", "--pair-by", "--direction"}
    assert hidden <= unused | of_kinds | {"--label-column", "--base-options", "--base-classes"}


def test_only_what_the_method_uses(capsys: Captured) -> None:
    of_images = help_of_words(capsys, "train", "vae", "--help-all")
    assert not {"--data-b", "--domain-a", "--direction", "--pair-by"} & flags_in(of_images)
    unpaired = help_of_words(capsys, "train", "cyclegan", "--help-all")
    assert {"--data-b", "--domain-a", "--direction"} <= flags_in(unpaired)
    assert not {"--pair-by", "--latent-weight", "--r2"} & flags_in(unpaired)
    assert "--pair-by" in flags_in(help_of_words(capsys, "train", "pix2pix", "--help"))
    assert "--data-b" in flags_in(help_of_words(capsys, "train", "srgan", "--help-all"))


def test_defaults_are_those_of_the_preset(capsys: Captured) -> None:
    plain = " ".join(help_of_words(capsys, "train", "vae", "--help").split())
    assert "(default: 20)" in plain
    assert "--network auto|linear|convolutional" in plain
    words = ("train", "vae", "--preset", "digits-2", "--help")
    chosen = " ".join(help_of_words(capsys, *words).split())
    assert "(default: 2)" in chosen
    assert "(default: 6000)" in chosen
    for name, about in method_entry("vae").presets.items():
        assert name in plain
        assert about in plain


def test_the_help_of_a_sweep_and_of_a_dataset(capsys: Captured) -> None:
    assert "--jobs" in flags_in(help_of_words(capsys, "sweep", "vae", "seed=0,1", "--help"))
    assert "--jobs" in flags_in(help_of_words(capsys, "sweep", "--help"))
    out = help_of_words(capsys, "data", "get", "earth", "--help")
    assert "--size 64|128" in out
    assert "faces" in help_of_words(capsys, "data", "get", "--help")


@dataclasses.dataclass(frozen=True)
class Inner:
    """Which things."""

    count: Positive = 3
    """How many."""
    way: str | None = None
    """How."""


@dataclasses.dataclass(frozen=True)
class Outer:
    """Do it."""

    inner: Inner
    quick: bool = True
    """At once."""


def test_a_dataclass_within_another_is_a_group() -> None:
    text = page_of(Outer, "prog", "[options]", "Do it.")
    assert text.startswith("usage: prog [options]\n\nDo it.\n\nOptions:\n")
    assert "  --quick, --no-quick     At once. (default: on)" in text
    assert "Which things:\n  -n, --count INTEGER     How many. (default: 3)" in text
    assert [row.head for row in rows_of(Inner)] == ["-n, --count INTEGER", "--way TEXT"]


def test_long_words_keep_to_the_width() -> None:
    choices = "--choice " + "|".join(f"value-{n}" for n in range(20))
    lines = columns_of([(choices, "Explained. " * 20)]).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "".join(line.strip() for line in lines).startswith(choices)


def test_what_options_take_in_words() -> None:
    types = {field.name: field.type for field in dataclasses.fields(DataOptions)}
    assert takes(types["image_size"]) == "SIDE or WIDTHxHEIGHT"
    assert takes(types["pair_by"]) == "grey|edges|lowres|blur"
    assert takes(tuple[int, ...]) == "INTEGER ..."
    assert takes(tuple[int, int] | None) == "INTEGER INTEGER"
    assert takes(dict[str, int]) == "NAME=VALUE ..."
    assert choices_of(types["pair_by"]) == ["grey", "edges", "lowres", "blur"]
    assert choices_of(int) == []
    shown = [default_in_words(value) for value in (None, (), {}, True, False, 0.0, 2e-4, (1, 2))]
    assert shown == ["", "", "", "on", "off", "0", "0.0002", "1 2"]
