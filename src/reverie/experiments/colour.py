"""`colour`: colours for grey photographs, learned from photographs alone."""

from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings

SIZE = (256, 192)
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


def draw(findings: "Findings") -> None:
    """Photographs that no training saw, in grey, colourized and as they are; errors of colours."""
    import torch

    from reverie.data.derived import derive
    from reverie.evaluation.metrics.paired import perceptual_distance
    from reverie.experiments.photographs import photograph

    target = torch.cat([photograph(name, SIZE) for name in PHOTOGRAPHS])
    source = derive(target, "grey")
    made = findings.model("pix2pix").translate(source, "ab")
    rows = {"grey": source, "colourized": made, "photograph": target}
    words = "Grey photographs that no training saw, colourized"
    findings.rows("colour", {row: list(images) for row, images in rows.items()}, words)
    findings.table(
        f"{words}: means of {', '.join(PHOTOGRAPHS)}",
        {
            row: {
                "perceptual distance [efficientnet]": float(
                    perceptual_distance("efficientnet", images, target).mean()
                ),
                "mean absolute error, of 2": float((images - target).abs().mean()),
            }
            for row, images in {"doing nothing": source, "colourized": made}.items()
        },
    )


COLOUR = Experiment(
    about="grey photographs to colours by pix2pix, trained on photographs alone",
    trainings={"pix2pix": Training(method="pix2pix", preset="colour-small", minutes=30)},
    draw=draw,
    data=("photos",),
    minutes=1,
)
