"""How often latent arithmetic gives what it says, judged by a classifier of attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from reverie.core import progress
from reverie.data.attributes import Attributes
from reverie.data.expressions import parse_sum
from reverie.evaluation.attributes import AttributeClassifier
from reverie.inference.latent.edit import ExemplarChoice, latent_arithmetic
from reverie.inference.model import Model


@dataclass(frozen=True)
class SumFigures:
    """Fractions of the results of a sum, each of other exemplars."""

    expected: float
    """Results with all attributes that are expected."""
    others_unchanged: float
    """Results whose other attributes are those of the face that the exemplars are like."""


def evaluate_sum(
    model: Model,
    attributes: Attributes,
    classifier: AttributeClassifier,
    expression: str,
    expected: Mapping[str, bool],
    *,
    others: Sequence[str] = (),
    exemplars: int = 64,
    choice: ExemplarChoice = "alike",
    count: int = 100,
) -> SumFigures:
    """Evaluate `count` results of a sum.

    Args:
        model: has an encoder and a generator.
        attributes: the images of the groups.
        classifier: judges the results.
        expression: as "Male & Eyeglasses - Male & !Eyeglasses + !Male & !Eyeglasses"; `{others}`
            in a group stands for attributes in which all groups are to agree, random for each
            result.
        expected: attributes that the result must have, or must not have.
        others: attributes that `{others}` stands for.
        exemplars: images a group.
        choice: how they are chosen; see `latent_arithmetic`.
        count: how many results.

    Raises:
        UserError: if the expression cannot be parsed or a group is empty.
    """
    latents, wanted = [], []
    for seed in progress.track(range(count), count, "sums", "sums"):
        coin = np.random.default_rng(seed)
        agreed = {name: bool(coin.random() < 0.5) for name in others}
        words = " & ".join(f"{'' if has else '!'}{name}" for name, has in agreed.items())
        terms = parse_sum(expression.replace("{others}", words), classifier.names)
        total = latent_arithmetic(model, attributes, terms, exemplars, seed, choice=choice)
        latents.append(total.latent)
        wanted.append(total.first | agreed | dict(expected))
    images = model.generate(torch.stack(latents))
    predicted = classifier.predict(images).numpy()
    right = predicted == np.array([[row[n] for n in classifier.names] for row in wanted])
    is_expected = np.array([name in expected for name in classifier.names])
    return SumFigures(
        expected=float(right[:, is_expected].all(1).mean()),
        others_unchanged=float(right[:, ~is_expected].all(1).mean()),
    )
