"""What a logged number measures: the quantity, by its name in the log.

Names are `phase` or `phase/part` (`discriminator`, `discriminator/probability_real_a`), the figures
of diagnostics `samples/…`, those of validations `metric[…]`. Numbers of one quantity share an axis,
others do not.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A kind of logged number: its name, the label of its axis, and one sentence about it."""

    name: str
    axis: str
    about: str


LOSS = Quantity("loss", "loss", "What a phase minimises, and the terms of that sum.")
LOGIT = Quantity(
    "logit",
    "mean logit",
    "The discriminator's mean raw output on real and on generated images, larger for more real.",
)
PROBABILITY = Quantity(
    "probability",
    "probability of being real",
    "The discriminator's mean probability that an image is real: D(x) on real and D(G(z)) on "
    "generated images; both near 0.5 mean that it cannot tell them apart.",
)
PENALTY = Quantity(
    "penalty",
    "gradient penalty",
    "The discriminator's squared gradient (R1, R2), or its distance from 1 (wgan-gp).",
)
SIMILARITY = Quantity(
    "similarity",
    "correlation",
    "Correlation of brightness between input and translation, from -1 (inverted) to 1.",
)
RATIO = Quantity(
    "ratio",
    "samples relative to the data",
    "A distance among samples divided by the same distance among training images: 1 is as in "
    "the data, 0 is a collapse.",
)
DISTANCE = Quantity(
    "distance",
    "distance to the test images",
    "Distance between the distributions of samples and of test images; 0 is the best.",
)
FRACTION = Quantity(
    "fraction",
    "fraction",
    "A fraction of images: test images that samples cover (recall, coverage), samples like test "
    "images (precision), of the right class (accuracy) or copied from training images (copies).",
)

NOISE_LEVEL = Quantity(
    "loss by noise level",
    "loss",
    "The loss on the third of each batch with the least noise, on the middle third, and on that "
    "with the most.",
)
KL = Quantity(
    "KL divergence", "nats", "How far the codes are from the prior; 0 if they carry nothing."
)
GRADIENT = Quantity(
    "gradient norm", "norm of the gradient", "The mean norm of a network's gradient, as applied."
)
WEIGHT = Quantity("weight norm", "norm of the weights", "The norm of all weights of a network.")
VALUE = Quantity("value", "value", "A number that a callback has logged.")

_RULES: tuple[tuple[str, Quantity], ...] = (
    (r"(frechet_distance|FID|kernel_distance|KID)\w*\[", DISTANCE),
    (r"(precision|recall|coverage|label_accuracy)\[", FRACTION),
    (r"samples/copies$", FRACTION),
    (r"(samples|translations)/", RATIO),
    (r"\w+/probability_", PROBABILITY),
    (r"\w+/(real|fake)(_|$)", LOGIT),
    (r"penalty(/|$)|\w+/slope$", PENALTY),
    (r"\w+/likeness", SIMILARITY),
    (r"\w+/(low|medium|high)_noise$", NOISE_LEVEL),
    (r"\w+/kl$", KL),
    (r"gradient/", GRADIENT),
    (r"weight/", WEIGHT),
)
"""The first that a name begins with decides; all others are losses."""


def quantity_of(name: str, other: Quantity = LOSS) -> Quantity:
    """The quantity of a logged number; `other` where no rule says it."""
    return next((quantity for rule, quantity in _RULES if re.match(rule, name)), other)
