"""Pairs of the images of two domains by similarity, for paired translation without given pairs.

Images are compared by a pretrained network's feature maps at several depths, centred within each
domain, so that what all images of a domain have in common (their style) does not count. Pairs are
the assignment with the largest sum of similarities (Kuhn 1955): no image is in two pairs.
"""

import csv
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.files import path_of, replace_folder
from reverie.core.image_size import Size
from reverie.core.options import accepts_fields
from reverie.core.progress import printable
from reverie.core.result import Result, counted
from reverie.core.threads import in_threads
from reverie.data import DataOptions, ImageDataset
from reverie.evaluation.dataset_features import batches_of
from reverie.evaluation.translation import domains_of
from reverie.inference.options import MatchOptions
from reverie.nn.backbones import DEFAULT_BACKBONE, find_backbone
from reverie.nn.backbones.backbone import Backbone

SIDE, CELLS = 96, 4
"""Images are compared at 96×96 pixels, by the means of 4×4 cells of each feature map."""
MOST = 20_000
"""Images of a domain: the time of an assignment grows with the cube of their number."""
SHOWN = 12


@dataclass(frozen=True)
class MatchResult(Result):
    """The folder of pairs, how many there are, and how alike they are."""

    out: Path
    pairs: int
    left_out: int
    similarity: dict[str, float]
    """Cosine similarity of the most alike, the median and the least alike pair that is kept."""
    sheet: Path

    def summary(self) -> str:
        best, median, least = self.similarity.values()
        lines = (
            f"{counted(self.pairs, 'pair')} in {self.out}, {self.left_out:,} less alike left out; "
            f"similarity {best:.2f} to {least:.2f}, median {median:.2f}",
            f"look at them: {self.sheet}",
            f"train with them: reverie train pix2pix --data {shlex.quote(str(self.out))}",
        )
        return "\n".join(printable(line) for line in lines)


@accepts_fields(MatchOptions)
def match(
    data: str | Path,
    data_b: str | Path | None = None,
    *,
    out: str | Path = "pairs",
    options: MatchOptions | None = None,
) -> MatchResult:
    """Pair the images of two domains by similarity, and write them as `trainA` and `trainB`.

    Args:
        data: a folder or dataset of two domains; or that of domain A.
        data_b: the folder of domain B, where `data` is domain A.
        out: the folder to write; it must not exist. `pairs.csv` has the names and similarities,
            `pairs.png` the most alike, median and least alike pairs.
        options: see `MatchOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if the images cannot be read, are too many, or `out` exists.
    """
    o, folder = options or MatchOptions(), path_of(out)
    o.refuse_folder(folder)
    wanted = DataOptions(
        data=str(data),
        data_b=None if data_b is None else str(data_b),
        domain_a=o.domain_a,
        domain_b=o.domain_b,
        split=o.split,
        image_size=SIDE,
        channels="3",
    )
    sides = domains_of(wanted, "unpaired")
    for letter, side in zip("AB", sides, strict=True):
        if len(side) > MOST:
            raise UserError(
                f"domain {letter} has {len(side):,} images, and at most {MOST:,} can be matched: "
                "give a smaller folder, or fewer by --domain-a and --domain-b."
            )
    backbone = find_backbone(DEFAULT_BACKBONE)
    similarity = similarities(*(_grids(backbone, side) for side in sides))
    a, b = assign(similarity)
    values = similarity[a, b]
    order = values.argsort(descending=True)[: max(1, round(o.keep * len(a)))]
    chosen, least = [a[order], b[order]], values[order]
    with replace_folder(folder) as aside:
        _write(aside, sides, chosen, least)
    return MatchResult(
        folder,
        len(order),
        len(a) - len(order),
        {
            "most alike": float(least[0]),
            "median": float(least[len(least) // 2]),
            "least alike": float(least[-1]),
        },
        folder / "pairs.png",
    )


def similarities(
    a: Sequence[Float[Tensor, "n _"]], b: Sequence[Float[Tensor, "m _"]]
) -> Float[Tensor, "n m"]:
    """Cosine similarities of features that are centred within each domain, averaged over layers.

    Args:
        a: features of the images of domain A, a tensor for each layer.
        b: those of domain B.
    """
    total = torch.zeros(len(a[0]), len(b[0]))
    for one, other in zip(a, b, strict=True):
        x, y = (F.normalize(f.float() - f.float().mean(0), dim=1) for f in (one, other))
        total += x @ y.T
    return total / len(a)


def assign(similarity: Float[Tensor, "n m"]) -> tuple[Int[Tensor, " k"], Int[Tensor, " k"]]:
    """Rows and columns of the pairs with the largest sum of similarities; k is min(n, m)."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(similarity.numpy(), maximize=True)
    return torch.as_tensor(rows), torch.as_tensor(columns)


@torch.inference_mode()
def _grids(backbone: Backbone, images: ImageDataset) -> list[Tensor]:
    """Means of the cells of each content layer's feature maps, half precision [N, D]."""
    found: list[list[Tensor]] = [[] for _ in backbone.content_layers]
    for batch in batches_of(images, f"features of images ({backbone.name})"):
        maps = backbone.activations(batch, backbone.content_layers)
        for kept, layer in zip(found, backbone.content_layers, strict=True):
            kept.append(F.adaptive_avg_pool2d(maps[layer].float(), CELLS).flatten(1).half())
    return [torch.cat(parts) for parts in found]


def _write(
    folder: Path,
    sides: tuple[ImageDataset, ImageDataset],
    chosen: Sequence[Int[Tensor, " k"]],
    similarity: Float[Tensor, " k"],
) -> None:
    """The images of the pairs under common names, a table of them, and a sheet."""
    readable = [
        [i for i, name in enumerate(side.source.names) if name not in side.broken] for side in sides
    ]
    pairs = [
        (readable[0][i], readable[1][j])
        for i, j in zip(*(indices.tolist() for indices in chosen), strict=True)
    ]
    for letter in "AB":
        (folder / f"train{letter}").mkdir(parents=True)

    def write(numbered: tuple[int, tuple[int, int]]) -> None:
        number, pair = numbered
        both = [side.source.read(index, None) for side, index in zip(sides, pair, strict=True)]
        for letter, pixels in zip("AB", _same_shape(both), strict=True):
            file = folder / f"train{letter}" / f"{number:05}.png"
            file.write_bytes(image_io.encode(pixels, file.suffix))

    written = in_threads(write, list(enumerate(pairs)))
    for _ in progress.track(written, len(pairs), "writing", "pairs"):
        pass
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["pair", "a", "b", "similarity"])
    for number, (pair, value) in enumerate(zip(pairs, similarity.tolist(), strict=True)):
        names = [side.source.names[index] for side, index in zip(sides, pair, strict=True)]
        rows.writerow([f"{number:05}", *names, f"{value:.4f}"])
    (folder / "pairs.csv").write_text(table.getvalue())
    image_io.save_sheet(_sheet(sides, chosen), folder / "pairs.png", SHOWN)


def _same_shape(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Two images as they are if they have the same proportions; else their central squares."""
    shapes = [image.shape[:2] for image in images]
    if shapes[0][0] * shapes[1][1] == shapes[0][1] * shapes[1][0]:
        return list(images)
    return [
        image_io.cut(image, Size(min(s), min(s))) for image, s in zip(images, shapes, strict=True)
    ]


def _sheet(
    sides: tuple[ImageDataset, ImageDataset], chosen: Sequence[Int[Tensor, " k"]]
) -> Float[Tensor, "n 3 h w"]:
    """Rows of A above B: the most alike pairs, those around the median, and the least alike."""
    count = len(chosen[0])
    shown = min(SHOWN, count)
    rows = []
    for first in (0, (count - shown) // 2, count - shown):
        for side, indices in zip(sides, chosen, strict=True):
            images = image_io.to_tensor(side.read(indices[first : first + shown].numpy()))
            blank = torch.ones(SHOWN - shown, *images.shape[1:])
            rows.append(torch.cat([images, blank]))
    return torch.cat(rows)
