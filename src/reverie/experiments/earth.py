"""`earth`: relief map to satellite image, by pix2pix from pairs and by CycleGAN and CUT without."""

from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from reverie.experiments.findings import Findings

SIZE, SHOWN, NEAR, LEVELS = 64, 14, 16, 16


def draw(findings: "Findings") -> None:
    """A sheet of tiles of held-out longitudes, and figures beside those of two plain guesses."""
    import torch

    from reverie.experiments.pairs import figures, pairs

    (source, target), train = pairs("earth", SIZE), pairs("earth", SIZE, "train")
    made = {
        "doing nothing": source,
        "mean colour for the map's colour": mean_colour(source, *train),
        "nearest training tile": nearest_tile(source, *train),
    }
    trained = {name: findings.model(name).translate(source, "ab") for name in EARTH.trainings}
    shown = torch.linspace(0, len(source) - 1, SHOWN).long()
    rows = {"map": source, **trained, "satellite": target}
    findings.rows(
        "earth",
        {name: list(images[shown]) for name, images in rows.items()},
        "Relief map to satellite image on longitudes that no training saw",
    )
    findings.table(
        f"Relief map to satellite image, {len(source)} held-out tiles",
        figures(made | trained | {"the satellite image itself": target}, target, train[1]),
    )


def mean_colour(
    source: "Float[Tensor, 'n 3 h w']",
    train_source: "Float[Tensor, 'm 3 h w']",
    train_target: "Float[Tensor, 'm 3 h w']",
) -> "Float[Tensor, 'n 3 h w']":
    """For each pixel the mean colour of the training targets where the map has the same colour.

    Colours are the same in `LEVELS` levels of each channel; for one that no training map has it is
    the mean of all.
    """
    import torch

    def level(images: "Tensor") -> "Tensor":
        levels = images.add(1).mul(LEVELS / 2).long().clamp(max=LEVELS - 1)
        return (levels[:, 0] * LEVELS + levels[:, 1]) * LEVELS + levels[:, 2]

    sums, counts = torch.zeros(LEVELS**3, 3), torch.zeros(LEVELS**3, 1)
    where = level(train_source).flatten()
    sums.index_add_(0, where, train_target.movedim(1, -1).reshape(-1, 3))
    counts.index_add_(0, where, torch.ones(len(where), 1))
    colours = torch.where(counts > 0, sums / counts.clamp(min=1), sums.sum(0) / counts.sum())
    return colours[level(source)].movedim(-1, 1)


def nearest_tile(
    source: "Float[Tensor, 'n 3 h w']",
    train_source: "Float[Tensor, 'm 3 h w']",
    train_target: "Float[Tensor, 'm 3 h w']",
) -> "Float[Tensor, 'n 3 h w']":
    """The target of the training tile whose map, reduced to `NEAR` pixels, is the nearest."""
    import torch
    from torch.nn import functional as F

    one, other = (F.adaptive_avg_pool2d(x, NEAR).flatten(1) for x in (source, train_source))
    return train_target[torch.cdist(one, other).argmin(1)]


EARTH = Experiment(
    about="a relief map of the Earth to its satellite image at 64×64: pix2pix, CycleGAN, CUT",
    trainings={
        "pix2pix": Training(method="pix2pix", preset="earth-small", minutes=10),
        "cyclegan": Training(method="cyclegan", preset="earth-small", minutes=25),
        "cut": Training(method="cut", preset="earth-small", minutes=20),
    },
    draw=draw,
    data=("earth",),
    minutes=1,
)
