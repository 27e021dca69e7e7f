"""`earth`: relief to satellite image, by pix2pix from pairs and by CycleGAN and CUT without."""

from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from reverie.experiments.findings import Findings

SIZE, SHOWN, NEAR = 64, 14, 16


def draw(findings: "Findings") -> None:
    """A sheet of tiles of held-out longitudes, and figures beside those of two plain guesses."""
    import torch

    from reverie.experiments.pairs import figures, pairs

    (source, target), train = pairs("earth", SIZE), pairs("earth", SIZE, "train")
    made = {
        "doing nothing": source,
        "mean colour by latitude and water": mean_colour(source, *train),
        "nearest training tile": nearest_tile(source, *train),
    }
    trained = {name: findings.model(name).translate(source, "ab") for name in EARTH.trainings}
    shown = torch.linspace(0, len(source) - 1, SHOWN).long()
    rows = {"relief": source, **trained, "satellite": target}
    findings.rows(
        "earth",
        {name: list(images[shown]) for name, images in rows.items()},
        "Relief to satellite image on longitudes that no training saw",
    )
    findings.table(
        f"Relief to satellite image, {len(source)} held-out tiles",
        figures(made | trained | {"the satellite image itself": target}, target, train[1]),
    )


def mean_colour(
    source: "Float[Tensor, 'n 3 h w']",
    train_source: "Float[Tensor, 'm 3 h w']",
    train_target: "Float[Tensor, 'm 3 h w']",
) -> "Float[Tensor, 'n 3 h w']":
    """For each pixel the mean colour of training pixels of its latitude, on land or on water.

    The mean is over five of the 256 levels of latitude.
    """
    import torch
    from torch.nn import functional as F

    def level(images: "Tensor") -> "Tensor":
        latitude, water = images[:, 1].add(1).mul(127.5).round().long(), images[:, 2] > 0
        return latitude + 256 * water

    sums, counts = torch.zeros(512, 3), torch.zeros(512, 1)
    sums.index_add_(0, level(train_source).flatten(), train_target.movedim(1, -1).reshape(-1, 3))
    counts.index_add_(0, level(train_source).flatten(), torch.ones(train_source[:, :1].numel(), 1))
    both = torch.cat([sums, counts], 1).reshape(2, 256, 4).transpose(1, 2)
    wide = 5 * F.avg_pool1d(both, 5, 1, 2).transpose(1, 2).reshape(512, 4)
    return (wide[:, :3] / wide[:, 3:].clamp(min=1))[level(source)].movedim(-1, 1)


def nearest_tile(
    source: "Float[Tensor, 'n 3 h w']",
    train_source: "Float[Tensor, 'm 3 h w']",
    train_target: "Float[Tensor, 'm 3 h w']",
) -> "Float[Tensor, 'n 3 h w']":
    """The target of the training tile whose relief, reduced to `NEAR` pixels, is the nearest."""
    import torch
    from torch.nn import functional as F

    one, other = (F.adaptive_avg_pool2d(x, NEAR).flatten(1) for x in (source, train_source))
    return train_target[torch.cdist(one, other).argmin(1)]


EARTH = Experiment(
    about="the Earth's relief to its satellite image at 64×64: pix2pix, CycleGAN, CUT",
    trainings={
        "pix2pix": Training(method="pix2pix", preset="earth-small", minutes=10),
        "cyclegan": Training(method="cyclegan", preset="earth-small", minutes=25),
        "cut": Training(method="cut", preset="earth-small", minutes=20),
    },
    draw=draw,
    data=("earth",),
    minutes=1,
)
