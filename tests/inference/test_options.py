import dataclasses
import inspect
import subprocess
import sys

import pytest

import reverie
from reverie.core.errors import UserError
from reverie.inference import options
from reverie.inference.options import (
    AscentOptions,
    DreamOptions,
    EvaluateOptions,
    InterpolateOptions,
    SampleOptions,
    TranslateOptions,
    UpscaleOptions,
)

KINDS = [
    kind
    for kind in vars(options).values()
    if isinstance(kind, type) and kind.__module__ == options.__name__
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_explained(kind: type) -> None:
    """The string below a field is its help; its source must have one for each own field."""
    lines = inspect.getsource(kind).splitlines()
    own = inspect.get_annotations(kind)
    for name in own:
        at = next(i for i, line in enumerate(lines) if line.startswith(f"    {name}: "))
        assert lines[at + 1].strip().startswith('"""'), f"{kind.__name__}.{name}"
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert all(field.kw_only for field in dataclasses.fields(kind))


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("sample", SampleOptions),
        ("translate", TranslateOptions),
        ("upscale", UpscaleOptions),
        ("dream", DreamOptions),
        ("interpolate", InterpolateOptions),
        ("evaluate", EvaluateOptions),
    ],
)
def test_every_field_is_a_keyword_of_the_public_function(function: str, kind: type) -> None:
    parameters = inspect.signature(getattr(reverie, function)).parameters
    for field in dataclasses.fields(kind):
        assert field.name in parameters
        if field.default is not dataclasses.MISSING and field.name != "count":
            assert parameters[field.name].default == field.default


@pytest.mark.parametrize(
    ("kind", "values", "flag"),
    [
        (SampleOptions, {"count": 0}, "--count must be at least 1"),
        (SampleOptions, {"steps": 0}, "--steps must be at least 1"),
        (TranslateOptions, {"tile": 0}, "--tile must be at least 1"),
        (AscentOptions, {"tile": 63}, "--tile must be at least 64"),
        (AscentOptions, {"jitter": -1}, "--jitter must be at least 0"),
        (AscentOptions, {"octave_scale": 1.0}, "--octave-scale must be above 1"),
        (DreamOptions, {"film": 0}, "--film must be at least 1"),
        (InterpolateOptions, {"frames": 0}, "--frames must be at least 1"),
        (EvaluateOptions, {"data": "d", "border": -1}, "--border must be at least 0"),
    ],
)
def test_bounds(kind: type, values: dict[str, object], flag: str) -> None:
    with pytest.raises(UserError, match=flag):
        kind(**values)


def test_one_octave_needs_no_scale() -> None:
    assert AscentOptions(octaves=1, octave_scale=1.0).octaves == 1


def test_options_do_not_import_pytorch() -> None:
    """So that `--help` answers at once."""
    code = "import sys, reverie.inference.options; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
