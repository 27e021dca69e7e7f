from reverie.methods.abilities import ABOUT, cannot, described
from reverie.methods.capabilities import CAPABILITIES


def test_words_of_every_capability() -> None:
    assert list(ABOUT) == list(CAPABILITIES)


def test_sentences() -> None:
    assert described([]) == "it cannot be used by itself"
    assert cannot("digits", "upscale", ["sample"]) == (
        "digits is no model that upscales images: it generates images from noise (sample)."
    )
