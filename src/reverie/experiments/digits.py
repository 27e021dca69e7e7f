"""Figures of digits that models generate, for the experiments on them."""

from collections.abc import Collection

import reverie
from reverie.inference.model import Model


def digit_figures(model: Model, count: int, wanted: Collection[str]) -> dict[str, float]:
    """Figures of `count` samples against the test digits; none of single classes.

    Args:
        model: a model that samples digits.
        count: how many samples.
        wanted: beginnings of the figures' names, before the brackets.
    """
    found = reverie.evaluate(model, data="digits", count=count).figures
    return {
        name: value
        for name, value in found.items()
        if name.split("[")[0] in wanted and ", class " not in name
    }
