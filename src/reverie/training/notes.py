"""What each curve of a report says, for students: a sentence, and whether it is good.

Verdicts are functions of the curve alone. Their thresholds are those of the diagnostics, and where
there are none, whether the mean of the last fifth of the log is above or below that of the fifth
before.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reverie.training.curves import Points
from reverie.training.diagnostics import (
    CHECKS,
    FEW_MODES,
    MANY_COPIES,
    MIN_STEPS,
    SMALL_SPREAD,
    SURE,
    UNSURE,
)
from reverie.training.diagnostics import RISING as RISES
from reverie.training.quantities import (
    DISTANCE,
    FRACTION,
    LOSS,
    NOISE_LEVEL,
    RATIO,
    Quantity,
    quantity_of,
)

MIN_POINTS = 10
"""Points of a curve from which on something is said of it; of figures that are measured now and
then, `CHECKS`."""
FALLING, RISING = 0.01, 0.05
"""A curve falls or rises if a fifth of it changes its mean by more, relatively."""
COLLAPSED_NATS = 0.5
"""A KL divergence below it carries nothing: less than one bit."""
NEAR_BEST = 1.1
"""A distance is still good if it is at most so many times the smallest."""
SPIKE = 20.0
"""A gradient is a spike if it is so many times the median."""

Mark = Literal["good", "watch", "bad"]


@dataclass(frozen=True)
class Verdict:
    """Whether a curve is as it should be, in a few words."""

    mark: Mark
    text: str


_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"discriminators?$", "The discriminator's loss. Two networks play against each other, so it "
     "need not fall: it should stay in one range, and says little about quality."),
    (r"generators?$", "The generator's loss. It is against a discriminator that learns too: look "
     "at the samples, not at this curve."),
    (r"penalty$", "The gradient penalty as it is weighted: it keeps the discriminator smooth, and "
     "should stay small beside the losses."),
    (r"\w+/probability_real", "D(x): the probability that the discriminator gives to real images; "
     "0.55 to 0.9 is healthy."),
    (r"\w+/probability_fake", "D(G(z)): the same for generated images; 0.1 to 0.45 is healthy, and "
     "below D(x)."),
    (r"\w+/adversarial", "How well the discriminator recognises the generated images; it hovers."),
    (r"\w+/cycle", "Error after translating there and back; it should fall."),
    (r"\w+/identity", "Change of images that are already of the target domain; it should fall."),
    (r"\w+/contrast", "Whether each part of a translation is recognised as that of its input; it "
     "should fall."),
    (r"\w+/pixel", "Mean difference of pixels to the right answer; it should fall."),
    (r"\w+/content", "Difference in the features of a pretrained network; it should fall."),
    (r"\w+/latents", "How badly latents are found again in the images; it should fall."),
    (r"samples/modes", "Clusters of images that the samples reach, beside training images: 1 is "
     "all of them."),
    (r"(samples|translations)/spread", "How much two samples differ, beside two training images: 1 "
     "is as in the data."),
    (r"(samples|translations)/spacing", "How far a sample is from the one most like it, beside "
     "training images; near 0 there are duplicates."),
    (r"samples/copies", "Fraction of samples that copy a training image; it should stay near 0."),
    (r"gradient/", "How hard a network is pulled at each step; it should settle, without spikes."),
    (r"weight/", "Size of a network's weights; it should grow slowly, then level off."),
    (r"(frechet_distance|FID)", "Distance from the samples to the test images; lower is better."),
    (r"recall|coverage", "Fraction of test images that the samples reach; higher is better."),
    (r"label_accuracy", "Fraction of samples that show the class asked for; higher is better."),
)  # fmt: skip
"""Sentences by the beginning of a name, where the method has none of its own."""


def sentence_of(name: str, own: Mapping[str, str], other: Quantity = LOSS) -> str:
    """What a curve shows and how it should go.

    Args:
        name: of the curve, as in the log.
        own: sentences of the method, by name.
        other: the quantity of a name that does not say it.
    """
    if name in own:
        return own[name]
    known = (text for rule, text in _SENTENCES if re.match(rule, name))
    return next(known, quantity_of(name, other).about)


def verdict_of(name: str, points: Mapping[str, Points]) -> Verdict | None:
    """Whether a curve is good; None where it does not say, or there are too few points.

    Args:
        name: of the curve.
        points: all curves of the run.
    """
    steps = [step for step, value in points[name] if math.isfinite(value)]
    values = [value for _, value in points[name] if math.isfinite(value)]
    if not values or values != [v for _, v in points[name]][-len(values) :]:
        return Verdict("bad", "not finite any more")
    judge = next((judge for rule, judge in _JUDGES if re.match(rule, name)), None)
    adversarial = any(other.startswith("discriminator") for other in points)
    if judge is None and quantity_of(name) in (LOSS, NOISE_LEVEL):
        judge = None if adversarial and not re.search(_FALLS_ANYWAY, name) else _trend
    fewest = CHECKS if quantity_of(name) in (RATIO, FRACTION, DISTANCE) else MIN_POINTS
    if judge is None or len(values) < fewest or steps[-1] < MIN_STEPS:
        return None
    return judge(values, steps)


_FALLS_ANYWAY = r"/(cycle|identity|contrast|pixel|content|latents)"
"""Terms that fall also where networks play against each other."""


def _trend(values: Sequence[float], steps: Sequence[int]) -> Verdict:
    fifth = max(len(values) // 5, 1)
    before, last = _mean(values[-2 * fifth : -fifth]), _mean(values[-fifth:])
    change = (last - before) / max(abs(before), 1e-12)
    if change > RISING:
        return Verdict("bad", "rises: try a smaller learning rate")
    if change < -FALLING:
        return Verdict("good", "still falls: more steps would help")
    return Verdict("good", "has levelled off")


def _kl(values: Sequence[float], steps: Sequence[int]) -> Verdict:
    last = _mean(values[-max(len(values) // 5, 1) :])
    if last < COLLAPSED_NATS:
        return Verdict("bad", f"{last:.2f} nats: the codes carry nothing; try a smaller KL weight")
    return Verdict("good", f"{last:.1f} nats: the codes carry information")


def _real(values: Sequence[float], steps: Sequence[int]) -> Verdict:
    last = _mean(values[-max(len(values) // 5, 1) :])
    if last > SURE:
        return Verdict("bad", f"{last:.2f}: the discriminator is too sure")
    if last < 0.5 + UNSURE:
        return Verdict("watch", f"{last:.2f}: it cannot tell real images from generated ones")
    return Verdict("good", f"{last:.2f}: the two are in balance")


def _at_least(bound: float, bad: str) -> Callable[[Sequence[float], Sequence[int]], Verdict]:
    def judge(values: Sequence[float], steps: Sequence[int]) -> Verdict:
        if values[-1] >= bound:
            return Verdict("good", f"{values[-1]:.2f}")
        if values[-1] > RISES * values[-CHECKS]:
            return Verdict("watch", f"{values[-1]:.2f}: low, but it rises")
        return Verdict("bad", f"{values[-1]:.2f}: {bad}")

    return judge


def _copies(values: Sequence[float], steps: Sequence[int]) -> Verdict:
    if values[-1] > MANY_COPIES:
        return Verdict("bad", f"{values[-1]:.0%} are copies: more images, or augmentation")
    return Verdict("good", f"{values[-1]:.0%} are copies")


def _distance(values: Sequence[float], steps: Sequence[int]) -> Verdict:
    best = min(values)
    if values[-1] <= NEAR_BEST * best:
        return Verdict("good", "the newest model is the best, or near it")
    step = steps[values.index(best)]
    return Verdict("watch", f"the best was at step {step:,}: its model is in the folder best")


def _gradient(values: Sequence[float], steps: Sequence[int]) -> Verdict:
    if max(values) > SPIKE * sorted(values)[len(values) // 2]:
        step = steps[values.index(max(values))]
        return Verdict("watch", f"a spike at step {step:,}: --clip-norm would bound it")
    return Verdict("good", "without spikes")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


_JUDGES: tuple[tuple[str, Callable[[Sequence[float], Sequence[int]], Verdict]], ...] = (
    (r"\w+/kl$", _kl),
    (r"\w+/probability_real", _real),
    (r"samples/modes", _at_least(FEW_MODES, "a mode collapse")),
    (r"(samples|translations)/spread", _at_least(SMALL_SPREAD, "the samples are too alike")),
    (r"samples/copies", _copies),
    (r"frechet_distance|FID", _distance),
    (r"gradient/", _gradient),
)
"""How curves are judged, by the beginning of their names; losses by their trend."""
