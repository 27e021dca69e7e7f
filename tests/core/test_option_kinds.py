import json
from typing import Annotated, Any, Literal

import pytest

from reverie.core.option_kinds import kind_from_json, kind_to_json
from reverie.core.options import AtLeast, Below, DecayRate, LayerSize, Length


@pytest.mark.parametrize(
    "kind",
    [
        int, str, bool, DecayRate, LayerSize, int | None, Literal["a", 2], dict[str, Any],
        tuple[Literal["x"], ...], Annotated[tuple[LayerSize, ...], Length(1, 3)],
        tuple[int, float], Annotated[float, AtLeast(0), Below(1)] | None,
    ],
)  # fmt: skip
def test_types_come_back_from_json(kind: Any) -> None:
    assert kind_from_json(json.loads(json.dumps(kind_to_json(kind)))) == kind


def test_an_unknown_type_is_noticed() -> None:
    with pytest.raises(NotImplementedError):
        kind_to_json(list[int])
    with pytest.raises(NotImplementedError):
        kind_to_json(Annotated[int, "a mark"])
