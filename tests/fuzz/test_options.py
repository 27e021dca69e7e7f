"""Values of every type for every option, as keyword arguments, as JSON and as flags."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reverie.cli.main import COMMANDS, parse_command
from reverie.core.options import Checked, Length, options_from_json
from reverie.core.result import plain
from reverie.data import DATASETS, DataOptions
from reverie.inference import options as verbs
from reverie.methods import METHODS, PRETRAINED
from reverie.methods.diffusion.sampler_options import Sampling
from reverie.methods.recipe import TrainOptions
from tests.fuzzing import ODD_VALUES, assert_only_user_errors, rounds

EVERY: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(one.Options for one in (*METHODS.values(), *PRETRAINED.values())),
        *(type(one.options) for one in DATASETS.values()),
        *(kind for kind in vars(verbs).values() if isinstance(kind, type)),
        DataOptions,
        TrainOptions,
        Sampling,
    )
    if issubclass(kind, Checked) and kind is not Checked
}
"""Every dataclass of options."""

PYTHON_VALUES: tuple[Any, ...] = (
    *ODD_VALUES, Path("x"), Path(""), b"x", 1j, {1}, object(), int, np.int64(3), np.float32(0.5),
    np.float64("nan"), np.bool_(True), np.arange(3), np.zeros((2, 2)), np.array([]),
    np.datetime64("2020-01-01"), torch.tensor(3), torch.tensor([1.0, float("inf")]), range(3),
    10**5000, -(10**5000), (1, 2), ("a",), (None,), "a=b", "\0", float("-0"), np.array(["x"]),
)  # fmt: skip

REQUIRED: dict[str, Any] = {
    "network": "resnet", "outputs": 1, "width": 8, "depth": 2, "norm": "instance", "dropout": False,
    "scale": 2, "blocks": 2, "data": "digits",
}  # fmt: skip


def base(kind: Any) -> dict[str, Any]:
    """Values for the fields of a dataclass that have no default."""
    missing = dataclasses.MISSING
    fields = [f for f in dataclasses.fields(kind) if f.default is f.default_factory is missing]
    values = {f.name: REQUIRED[f.name] for f in fields}
    return values | ({"network": "compact"} if kind.__name__ == "PretrainedUpscalerOptions" else {})


@pytest.mark.parametrize("name", EVERY)
def test_keyword_arguments(name: str) -> None:
    kind = EVERY[name]

    def make(change: dict[str, Any]) -> None:
        made = kind(**base(kind) | change)
        written = json.loads(json.dumps(plain(made)))
        assert "NaN" not in json.dumps(written)
        assert options_from_json(kind, written) == made

    changes = [{f.name: v} for f in dataclasses.fields(kind) for v in PYTHON_VALUES]
    assert_only_user_errors(make, changes)


def words_of(count: int, seed: int) -> Iterator[list[str]]:
    """Command lines of known flags with odd values."""
    draw = np.random.default_rng(seed)
    odd = ["", "x", "-1", "0", "1e9", "nan", "inf", "-inf", "9" * 400, "1" * 5000, "a\0b", "\udcff"]
    odd += ["--", "--help", "-h", "=", "true", "None", "[]", "--json", "~nobody/x", "\ud800", "é"]
    flags = sorted({f.name for kind in EVERY.values() for f in dataclasses.fields(kind)})
    for _ in range(count):
        command = str(draw.choice([*COMMANDS, "train vae", "train dcgan", "train encoder"]))
        words = command.split()
        for _ in range(int(draw.integers(0, 4))):
            flag = "--" + str(draw.choice(flags)).replace("_", "-")
            words += [str(draw.choice([flag, flag + "=", flag[:-1]])), odd[draw.integers(len(odd))]]
        yield [*words, "MODEL"] if draw.integers(2) else words


@rounds(60, 3000)
def test_flags(count: int, seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    def parse(words: list[str]) -> None:
        try:
            parse_command(words)
        except SystemExit as stop:  # of a help text
            if stop.code:
                raise

    assert_only_user_errors(parse, words_of(count, seed))


FREE = {"seed", "seeds", "between"}
"""Seeds may be any numbers of 64 bits."""


def bounds_of(kind: Any) -> list[Any]:
    """The marks in a type, of all its parts."""
    marks = list(getattr(kind, "__metadata__", ()))
    parts = getattr(kind, "__args__", ()) if not marks else (kind.__origin__,)
    return marks + [mark for part in parts for mark in bounds_of(part)]


def numbers_in(kind: Any) -> bool:
    """Whether a type has integers or floats."""
    return kind in (int, float) or any(map(numbers_in, getattr(kind, "__args__", ()))) or (
        hasattr(kind, "__metadata__") and numbers_in(kind.__origin__)
    )  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_every_number_has_bounds(name: str) -> None:
    unbounded = [
        f.name
        for f in dataclasses.fields(EVERY[name])
        if numbers_in(f.type)
        and f.name not in FREE
        and not [mark for mark in bounds_of(f.type) if not isinstance(mark, Length)]
        and "Literal" not in str(f.type)
    ]
    assert unbounded == []
