"""Sentences and verdicts of curves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.methods import METHODS
from reverie.training.notes import sentence_of, verdict_of


def curve(values: list[float]) -> list[tuple[int, float]]:
    return [(100 * (n + 1), value) for n, value in enumerate(values)]


FALLING = [1 / (n + 1) for n in range(20)]
LEVEL = [1.0 + 0.001 * (-1) ** n for n in range(20)]
RISING = [1.0 + 0.1 * n for n in range(20)]


@pytest.mark.parametrize(
    ("name", "values", "mark", "words"),
    [
        ("bound", FALLING, "good", "still falls"),
        ("bound", LEVEL, "good", "levelled off"),
        ("bound", RISING, "bad", "rises"),
        ("denoising/low_noise", RISING, "bad", "rises"),
        ("bound/kl", [9.0] * 20, "good", "9.0 nats"),
        ("bound/kl", [0.1] * 20, "bad", "carry nothing"),
        ("discriminator/probability_real", [0.7] * 20, "good", "balance"),
        ("discriminator/probability_real", [0.99] * 20, "bad", "too sure"),
        ("discriminator/probability_real", [0.5] * 20, "watch", "cannot tell"),
        ("samples/modes", [0.8] * 20, "good", "0.80"),
        ("samples/modes", [0.1] * 20, "bad", "collapse"),
        ("samples/modes", [0.02, 0.02, 0.05, 0.1, 0.2], "watch", "rises"),
        ("samples/modes", [0.3, 0.3, 0.3, 0.2, 0.1], "bad", "collapse"),
        ("samples/spread", [0.1] * 20, "bad", "too alike"),
        ("samples/copies", [0.0] * 20, "good", "0%"),
        ("samples/copies", [0.5] * 20, "bad", "50%"),
        ("samples/copies", [0.0, 0.1, 0.5, 0.5, 0.5, 0.5], "bad", "50%"),
        ("frechet_distance[digits, 1000, test]", FALLING, "good", "newest"),
        ("frechet_distance[digits, 1000, test]", RISING, "watch", "step 100:"),
        ("frechet_distance[digits, 1000, test]", [3.0, 1.0, 2.0, 2.0, 2.0], "watch", "step 200:"),
        ("gradient/unet", LEVEL, "good", "without spikes"),
        ("gradient/unet", [*LEVEL, 99.0], "watch", "spike at step 2,100"),
    ],
)
def test_verdicts(name: str, values: list[float], mark: str, words: str) -> None:
    verdict = verdict_of(name, {name: curve(values)})
    assert verdict is not None
    assert verdict.mark == mark
    assert words in verdict.text


def test_the_losses_of_two_that_play_are_not_judged() -> None:
    points = dict.fromkeys(["generator", "discriminator", "generator/cycle_a"], curve(RISING))
    assert verdict_of("generator", points) is None
    verdict = verdict_of("generator/cycle_a", points)
    assert verdict is not None
    assert verdict.mark == "bad"
    alone = verdict_of("generator", {"generator": curve(FALLING)})
    assert alone is not None
    assert alone.mark == "good"


def test_nothing_is_said_too_early() -> None:
    assert verdict_of("bound", {"bound": curve(RISING[:9])}) is None
    assert verdict_of("bound", {"bound": [(n, 1.0 + n) for n in range(20)]}) is None


def test_what_is_not_finite_is_bad() -> None:
    for values in ([1.0, math.nan], [math.nan], [*FALLING, math.nan]):
        verdict = verdict_of("bound", {"bound": curve(values)})
        assert verdict is not None
        assert verdict.mark == "bad"
    assert verdict_of("bound", {"bound": curve([math.nan, *FALLING])}) is not None


NAMES = ["bound", "x/kl", "samples/modes", "frechet_distance[", "gradient/a", "samples/copies", ""]


@given(st.sampled_from(NAMES), st.lists(st.floats(-1e30, 1e30), max_size=30))
def test_any_numbers_have_a_verdict_or_none(name: str, values: list[float]) -> None:
    verdict_of(name, {name: curve(values)})


def test_every_name_has_a_sentence() -> None:
    vae, diffusion = (METHODS[name].about_losses for name in ("vae", "diffusion"))
    assert "from the prior" in sentence_of("bound/kl", vae)
    assert "least noise" in sentence_of("denoising/low_noise", diffusion)
    assert "D(x)" in sentence_of("discriminator/probability_real", {})
    for method in METHODS.values():
        for name, sentence in method.about_losses.items():
            assert sentence.endswith("."), name
    assert sentence_of("whatever", {}).endswith(".")
