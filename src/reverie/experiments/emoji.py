"""`emoji`: Windows' emojis to Apple's, by CycleGAN, CUT and pix2pix."""

from typing import TYPE_CHECKING

from reverie.core.options import Direction
from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings

SIZE, REAL, SHOWN = 32, 1500, 16
KINDS = ("cyclegan", "cut", "pix2pix")


def draw(findings: "Findings") -> None:
    """A sheet of held-out code points, and figures in both directions."""
    import torch

    from reverie.experiments.pairs import figures, pairs
    from reverie.methods import Translates
    from reverie.methods.capabilities import require

    test, train = pairs("emoji", SIZE), pairs("emoji", SIZE, "train")
    shown = torch.linspace(0, len(test[0]) - 1, SHOWN).long()
    ways: tuple[tuple[Direction, str], ...]
    ways = (("ab", "Windows to Apple"), ("ba", "Apple to Windows"))
    for way, words in ways:
        source, target = test if way == "ab" else test[::-1]
        real = train[1 if way == "ab" else 0][:REAL]
        made = {"doing nothing": source}
        for name in KINDS:
            model = findings.model(name)
            if way in require(model.method, Translates, name).directions:
                made[name] = model.translate(source, way)
        rows = {name: list(images[shown]) for name, images in made.items()}
        rows = {"source": rows.pop("doing nothing")} | rows | {"target": list(target[shown])}
        findings.rows(way, rows, f"{words}: code points that no training saw")
        findings.table(
            f"{words}, {len(source)} held-out code points",
            figures(made | {"the targets themselves": target}, target, real),
        )


EMOJI = Experiment(
    about="Windows' emojis to Apple's and back at 32×32: CycleGAN, CUT, and pix2pix from pairs",
    trainings={
        "cyclegan": Training(method="cyclegan", preset="emoji-small", minutes=9),
        "cut": Training(method="cut", preset="emoji-small", minutes=12),
        "pix2pix": Training(method="pix2pix", preset="emoji-small", minutes=12),
    },
    draw=draw,
    data=("emoji",),
    minutes=2,
)
