"""What an action refuses before it waits, and which are computed together."""

from typing import Any

import pytest

from reverie.serve.models import ServedModel
from reverie.serve.options import ServeOptions
from reverie.serve.refusal import Refusal
from reverie.serve.work import ACTIONS, Action
from tests.serve.conftest import photo


def action(served: ServedModel, name: str, image: bytes = b"", **given: Any) -> Action:
    limits = ServeOptions(max_images=4, max_steps=10, max_megapixels=0.01)
    kind = ACTIONS[name]
    return kind(served, kind.kind(**given), image, limits)


def test_limits_hold_before_anything_is_computed(served: dict[str, ServedModel]) -> None:
    digits, large = served["digits"], served["photos-x4"]
    for name, model, image, given, words in (
        ("sample", digits, b"", {"count": 5}, "at most 4 images"),
        ("sample", digits, b"", {"count": 1, "steps": 11}, "steps is at most 10"),
        ("reconstruct", served["faces"], photo(), {"refine": 11}, "refine is at most 10"),
        ("edit", served["faces"], photo(101, 100), {"refine": 0}, "of 101×100 pixels is larger"),
        ("upscale", large, photo(26, 25), {}, "would be made at 104×100"),
        ("upscale", large, photo(26, 25), {"scale": 1}, "would be made at 104×100"),
        ("upscale", large, photo(17, 10), {"scale": 8}, "would be made at 136×80"),
    ):
        with pytest.raises(Refusal, match=words):
            action(model, name, image, **given)
    assert action(large, "upscale", photo(25, 25)).size == 1


def test_samples_of_equal_settings_share_a_key(served: dict[str, ServedModel]) -> None:
    def key(**given: Any) -> object:
        return action(served["digits"], "sample", count=1, **given).key

    assert key(seed=1) == key(seed=2, label="3")
    assert key(steps=2) != key(steps=3)
    assert key(guidance=2.0) != key()
    assert key(between=(1, 2), label="1") is None
    assert action(served["translator"], "translate", photo(), seed=1).key is None
    assert key() != action(served["faces"], "sample", count=1).key
