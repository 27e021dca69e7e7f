import pytest

from reverie.core.errors import UserError
from reverie.methods.abilities import ABOUT, cannot, class_number, described
from reverie.methods.capabilities import CAPABILITIES


def test_words_of_every_capability() -> None:
    assert list(ABOUT) == list(CAPABILITIES)


def test_sentences() -> None:
    assert described([]) == "it cannot be used by itself"
    assert cannot("digits", "upscale", ["sample"]) == (
        "digits is no model that upscales images: it generates images from noise (sample)."
    )


def test_class_numbers() -> None:
    names = ("1", "cat", "dog")
    assert [class_number("m", label, names) for label in ("1", "cat", "2", 1)] == [0, 1, 2, 1]
    with pytest.raises(UserError, match="m has no class 'cta'; did you mean 'cat'"):
        class_number("m", "cta", names)
    with pytest.raises(UserError, match="m has no class 3: its classes are 0 to 2"):
        class_number("m", "3", names)
    with pytest.raises(UserError, match="m knows no classes: leave the label out"):
        class_number("m", 0, ())
