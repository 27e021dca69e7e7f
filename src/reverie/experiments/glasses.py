"""`glasses`: glasses removed from faces, and added."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reverie.core.options import Direction
from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.experiments.findings import Findings

SIZE, SHOWN, CLASSIFIER_STEPS = 64, 12, 1500


def draw(findings: "Findings") -> None:
    """Held-out faces with the true counterpart of each, and errors around the eyes."""
    from reverie.data.derived import gaussian_blur
    from reverie.experiments.attributes_seen import attributes_seen, trained_classifier
    from reverie.experiments.pairs import pairs

    without, having = pairs("faces", SIZE)
    model = findings.model("cyclegan")
    classifier, accuracy = trained_classifier(SIZE, CLASSIFIER_STEPS)
    seen: dict[str, Mapping[str, float]] = {}
    found: dict[str, dict[str, float]] = {}
    ways: tuple[tuple[Direction, str], ...] = (("ba", "Glasses removed"), ("ab", "Glasses added"))
    for way, words in ways:
        source, target = (having, without) if way == "ba" else (without, having)
        made = model.translate(source, way)
        rows = {"source": source, "translation": made, "target": target}
        findings.rows(
            way, {n: list(x[:SHOWN]) for n, x in rows.items()}, f"{words}: held-out faces"
        )
        seen[words] = attributes_seen(classifier, source, made, "Eyeglasses", "glasses changed")
        found |= {
            f"{words}": errors(made, target),
            f"{words}: doing nothing": errors(source, target),
            f"{words}: the target blurred, σ = 1 pixel": errors(gaussian_blur(target, 1.0), target),
        }
    findings.table(
        f"Mean absolute error of 2 to the true face, {len(without)} held-out faces", found
    )
    findings.table("What a classifier of attributes sees", seen)
    findings.table("The classifier: correct on held-out faces", {"accuracy": accuracy})


def errors(made: "Tensor", target: "Tensor") -> dict[str, float]:
    """Mean absolute errors around the eyes, where the glasses are, and elsewhere."""
    import torch

    from reverie.data.sets.faces import EYES

    left, top, right, bottom = (round(edge * SIZE) for edge in EYES)
    difference = (made - target).abs().mean(1)
    eyes = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    eyes[top:bottom, left:right] = True
    return {
        "at the eyes": float(difference[:, eyes].mean()),
        "elsewhere": float(difference[:, ~eyes].mean()),
    }


GLASSES = Experiment(
    about="glasses taken off faces and put on, at 64×64, with the true face of each beside it",
    trainings={"cyclegan": Training(method="cyclegan", preset="faces-64", minutes=90)},
    draw=draw,
    data=("faces",),
    minutes=6,
)
