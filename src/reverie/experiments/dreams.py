"""`dreams`: a photograph dreamt of by layers of different depth, octave by octave, and guided."""

from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.experiments.findings import Findings

BLOCKS = (0, 2, 4, 6, 8, 10, 13, 15)
SIZE = (320, 212)
"""Width and height in pixels."""


def draw(findings: "Findings") -> None:
    """The layers of EfficientNet-Lite0; the octaves of one dream; a dream guided by an image."""
    import tempfile
    from pathlib import Path

    import torch

    import reverie
    from reverie.experiments.photographs import photograph

    cat, cup = photograph("chelsea", SIZE), photograph("coffee", SIZE)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        reverie.images.save(cat[0], place / "cat.png")
        reverie.images.save(cup[0], place / "cup.png")

        def dreamt(source: str, **options: object) -> "Tensor":
            reverie.dream(place / f"{source}.png", out=place / "dream.png", **options)  # type: ignore[arg-type]
            return reverie.images.to_tensor(reverie.images.read(place / "dream.png")[None])

        layers = [dreamt("cat", layers=[f"_blocks.{block}"]) for block in BLOCKS]
        octaves = [dreamt("cat", layers=["_blocks.10"], octaves=n) for n in (1, 2, 3, 4)]
        plain, guided = (
            dreamt("cup", layers=["_blocks.10"], **guide)
            for guide in ({}, {"guide": place / "cat.png"})
        )
    blocks = ", ".join(map(str, BLOCKS))
    words = f"A photograph, and its dreams by blocks {blocks} of EfficientNet-Lite0"
    findings.sheet("layers", torch.cat([cat, *layers]), words, columns=3)
    findings.sheet("octaves", torch.cat(octaves), "Block 10 with 1 to 4 octaves", columns=4)
    words = "A photograph, its dream by block 10, a guide, and the dream towards the guide"
    findings.sheet("guided", torch.cat([cup, plain, cat, guided]), words, columns=4)


DREAMS = Experiment(
    about="deep dreams of a photograph by eight layers, over octaves, and with a guide",
    draw=draw,
    minutes=1,
)
