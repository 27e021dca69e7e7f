"""`derived`: colours of grey photographs, and photographs of line drawings."""

from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.core.options import PairBy
    from reverie.experiments.findings import Findings

SIZE = (256, 192)
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
WAYS: "dict[str, PairBy]" = {"colour": "grey", "edges": "edges"}


def draw(findings: "Findings") -> None:
    """Photographs that no training saw: derived input, translation, photograph."""
    import torch

    from reverie.data.derived import derive
    from reverie.evaluation.metrics.paired import perceptual_distance
    from reverie.experiments.photographs import photograph

    target = torch.cat([photograph(name, SIZE) for name in PHOTOGRAPHS])
    for name, how in WAYS.items():
        source = derive(target, how)
        made = findings.model(name).translate(source, "ab")
        rows = {how: source, "translation": made, "photograph": target}
        words = f"{how} to photograph, photographs that no training saw"
        findings.rows(name, {row: list(images) for row, images in rows.items()}, words)
        findings.table(
            f"{words}: means of {', '.join(PHOTOGRAPHS)}",
            {
                row: {
                    "perceptual distance [efficientnet]": float(
                        perceptual_distance("efficientnet", images, target).mean()
                    ),
                    "mean absolute error, of 2": float((images - target).abs().mean()),
                }
                for row, images in {"doing nothing": source, "translation": made}.items()
            },
        )


DERIVED = Experiment(
    about="grey photographs to colours and line drawings to photographs, by pix2pix",
    trainings={
        "colour": Training(method="pix2pix", preset="colour-small", minutes=40),
        "edges": Training(method="pix2pix", preset="edges-small", minutes=40),
    },
    draw=draw,
    data=("photos",),
    minutes=1,
)
