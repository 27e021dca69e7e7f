"""`generators`: five kinds of generators, trained for the same minutes on the same digits."""

from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings

MINUTES, COUNT, SHOWN = 2.0, 2000, 12
PRESETS = {
    "vae": "digits-20",
    "gan": "digits-64",
    "dcgan": "digits",
    "cgan": "digits",
    "diffusion": "digits",
}
FIGURES = ("frechet_distance", "precision", "recall", "label_accuracy")


def draw(findings: "Findings") -> None:
    """Samples of each, and distance, precision, recall and label accuracy."""
    from reverie.experiments.digits import digit_figures
    from reverie.inference.load import load

    rows, figures = {}, {}
    for name in PRESETS:
        model = findings.model(name)
        rows[name] = list(model.sample(SHOWN))
        figures[name] = {"steps": findings.run(name).read_log()[-1]["step"]}
        figures[name] |= digit_figures(model, COUNT, FIGURES)
    shipped = digit_figures(load("digits"), COUNT, FIGURES)
    figures["the shipped model, for comparison"] = shipped
    findings.rows("samples", rows, f"Samples of {SHOWN} seeds after {MINUTES:g} minutes each")
    findings.table(f"{COUNT:,} samples against 2,000 test digits, seed 0", figures)


GENERATORS = Experiment(
    about="VAE, GAN, DCGAN, conditional GAN and diffusion on digits for the same minutes",
    trainings={
        method: Training(
            method=method, preset=preset, minutes=MINUTES, options={"minutes": MINUTES}
        )
        for method, preset in PRESETS.items()
    },
    draw=draw,
    minutes=1.5,
)
