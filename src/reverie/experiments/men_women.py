"""`men-women`: men with glasses to women with glasses, and back."""

from typing import TYPE_CHECKING

from reverie.core.options import Direction
from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings

MEN, WOMEN = "Male & Eyeglasses", "!Male & Eyeglasses"
SIZE, SHOWN, CLASSIFIER_STEPS = 32, 12, 1500


def draw(findings: "Findings") -> None:
    """Held-out faces and their translations, and what a classifier of attributes sees in them."""
    from reverie.data import DataOptions, open_dataset
    from reverie.evaluation.translation import whole
    from reverie.experiments.attributes_seen import attributes_seen, trained_classifier

    model = findings.model("cyclegan")
    classifier, accuracy = trained_classifier(SIZE, CLASSIFIER_STEPS)
    ways: tuple[tuple[Direction, str, str], ...] = (
        ("ab", MEN, "Men to women"),
        ("ba", WOMEN, "Women to men"),
    )
    figures: dict[str, dict[str, float]] = {}
    for way, group, words in ways:
        wanted = DataOptions(data="faces", where=group, image_size=SIZE, split="test", channels="3")
        source = whole(open_dataset(wanted))
        made = model.translate(source, way)
        rows = {"source": list(source[:SHOWN]), "translation": list(made[:SHOWN])}
        findings.rows(way, rows, f"{words}, all with glasses: held-out faces")
        figures[f"{words}, {len(source)} held-out faces"] = {
            **attributes_seen(classifier, source, made, "Male", "seen as the other sex"),
            "mean absolute change, of 2": float((made - source).abs().mean()),
        }
    findings.table("What a classifier of attributes sees", figures)
    findings.table("The classifier: correct on held-out faces", {"accuracy": accuracy})


MEN_WOMEN = Experiment(
    about="men with glasses to women with glasses and back, at 32×32, judged by a classifier",
    trainings={
        "cyclegan": Training(
            method="cyclegan",
            preset="faces-small",
            minutes=31,
            options={"domain_a": MEN, "domain_b": WOMEN, "steps": 4815},
        )
    },
    draw=draw,
    data=("faces",),
    minutes=2,
)
