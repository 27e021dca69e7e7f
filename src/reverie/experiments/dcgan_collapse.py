"""`dcgan-collapse`: what batch norm, LeakyReLU and the modern recipe do; mode collapse measured."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reverie.core.options import OptionValue
from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings

STEPS, COUNT, SHOWN, PRESENT = 1500, 2000, 16, 0.02
OF_2015: Mapping[str, OptionValue] = {"width": 32, "loss": "bce", "r1": 0.0, "r2": 0.0}
RECIPES: Mapping[str, Mapping[str, OptionValue]] = {
    "ReLU": OF_2015 | {"discriminator_norm": "none", "activation": "relu"},
    "ReLU, batch norm": OF_2015 | {"discriminator_norm": "batch", "activation": "relu"},
    "LeakyReLU, batch norm": OF_2015 | {"discriminator_norm": "batch"},
    "modern": {},
    "collapse": OF_2015
    | {
        "discriminator_norm": "none",
        "discriminator_every": 20,
        "learning_rate": 5e-4,
        "ema_decay": 0.0,
    },
}
"""The discriminator's activation and norm, with the BCE loss of 2015; `modern` is relativistic with
R1 and R2; in the last the generator is updated 20 times for each update of the discriminator, so
that all its samples become those that the discriminator of the moment takes for real."""
FIGURES = ("frechet_distance", "precision", "recall", "coverage")


def draw(findings: "Findings") -> None:
    """Samples of each, distance, recall and coverage, and how many digits are there."""
    from reverie.evaluation.metrics.digits import recognised
    from reverie.experiments.digits import digit_figures

    rows, figures = {}, {}
    for name in RECIPES:
        model = findings.model(name)
        samples = model.sample(COUNT)
        rows[name] = list(samples[:SHOWN])
        shares = recognised(samples).bincount(minlength=10) / COUNT
        figures[name] = digit_figures(model, COUNT, FIGURES) | {
            f"digits of ten with at least {PRESENT:.0%} of the samples": int(
                (shares >= PRESENT).sum()
            ),
            "share of the most frequent digit": float(shares.max()),
        }
    findings.rows("samples", rows, f"Samples of {SHOWN} seeds after the same steps")
    findings.table(f"{COUNT:,} samples against 2,000 test digits, seed 0", figures)
    names = list(RECIPES)
    findings.curves("generator", names, "generator", "The generator's loss per epoch")
    findings.curves("discriminator", names, "discriminator", "The discriminator's loss per epoch")


DCGAN_COLLAPSE = Experiment(
    about="DCGAN on digits with ReLU, batch norm, LeakyReLU, the modern recipe; mode collapse",
    trainings={
        name: Training(
            method="dcgan",
            preset="digits",
            minutes=2,
            options={"steps": STEPS, "clusters": 0} | options,
        )
        for name, options in RECIPES.items()
    },
    draw=draw,
    minutes=1,
)
