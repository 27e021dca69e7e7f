from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from reverie.core.option_schema import schema_of
from reverie.core.options import Above, AtLeast, AtMost, Below, Length
from reverie.data.options import OptionalSize


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (int, {"type": "integer"}),
        (bool, {"type": "boolean"}),
        (Path, {"type": "string", "format": "path"}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (str | None, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (Annotated[int, AtLeast(1), AtMost(9)], {"type": "integer", "minimum": 1, "maximum": 9}),
        (
            Annotated[float, Above(0), Below(1)],
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        ),
        (
            Annotated[tuple[str, ...], Length(1, 3)],
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        ),
        (dict[str, int], {"type": "object"}),
        (Any, {}),
    ],
)
def test_schemas(kind: Any, schema: dict[str, Any]) -> None:
    assert schema_of(kind) == schema


def test_a_pair_has_both() -> None:
    schema = schema_of(tuple[int, str])
    assert schema["prefixItems"] == [{"type": "integer"}, {"type": "string"}]
    assert schema["minItems"] == 2


def test_a_value_of_several_forms_says_them() -> None:
    one, other = schema_of(OptionalSize)["anyOf"]  # type: ignore[misc, union-attr]
    assert "WIDTH" in one["x-form"]
    assert other == {"type": "null"}
