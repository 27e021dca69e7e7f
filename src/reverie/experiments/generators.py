"""`generators`: five kinds of generators, trained for the same minutes on the same digits."""

from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings

MINUTES, COUNT, SHOWN = 2.0, 2000, 12
KINDS = {
    "vae": Training(method="vae", preset="digits-20", minutes=MINUTES),
    "gan": Training(method="gan", preset="digits-64", minutes=MINUTES),
    "dcgan": Training(method="dcgan", preset="digits", minutes=MINUTES),
    "cgan": Training(method="cgan", preset="digits", minutes=MINUTES),
    "diffusion": Training(method="diffusion", preset="digits", minutes=MINUTES),
}
FIGURES = ("frechet_distance", "precision", "recall", "label_accuracy")


def draw(findings: "Findings") -> None:
    """Samples of each, and distance, precision, recall and label accuracy."""
    import reverie

    rows, figures = {}, {}
    for name in KINDS:
        model = findings.model(name)
        rows[name] = list(model.sample(SHOWN))
        found = reverie.evaluate(model, data="digits", count=COUNT).figures
        figures[name] = {"steps": findings.run(name).read_log()[-1]["step"]}
        figures[name] |= {
            key: value
            for key, value in found.items()
            if key.split("[")[0] in FIGURES and ", class " not in key
        }
    real = reverie.evaluate("digits", data="digits", count=COUNT).figures
    figures["the shipped model, for comparison"] = {
        k: v for k, v in real.items() if k.split("[")[0] in FIGURES and ", class " not in k
    }
    findings.rows("samples", rows, f"Samples of {SHOWN} seeds after {MINUTES:g} minutes each")
    findings.table(f"{COUNT:,} samples against 2,000 test digits, seed 0", figures)


GENERATORS = Experiment(
    about="VAE, GAN, DCGAN, conditional GAN and diffusion on digits for the same minutes",
    trainings={
        name: Training(
            method=kind.method, preset=kind.preset, minutes=MINUTES, options={"minutes": MINUTES}
        )
        for name, kind in KINDS.items()
    },
    draw=draw,
    minutes=1.5,
)
