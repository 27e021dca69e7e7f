"""How near a picture is to the one it should be: PSNR, SSIM, and a distance of features.

Super-resolution's published figures are of the luma alone, without a border as wide as the scale:
`luma` and `cut` do that.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.errors import UserError
from reverie.evaluation.metrics.features import PICTURES_AT_ONCE, maps, quantize_8bit
from reverie.nn.losses import normalized_feature_distance

SMALLEST_FOR_SSIM = 11


@dataclass(frozen=True)
class PairedMetrics:
    """One value for each pair: PSNR in dB, SSIM up to 1, the perceptual distance from 0."""

    psnr: Float[Tensor, " n"]
    ssim: Float[Tensor, " n"]
    perceptual: Float[Tensor, " n"]


def luma(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
    """Y of BT.601 as video and super-resolution's tables use it: 16 to 235 of 255, in [0, 1].

    Args:
        images: [-1, 1], grey or colour.
    """
    red, green, blue = ((images.expand(-1, 3, -1, -1) + 1) / 2).unbind(1)
    return ((65.481 * red + 128.553 * green + 24.966 * blue + 16) / 255)[:, None]


def psnr(one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
    """10 log₁₀ (1 / mean squared error) of pictures in [0, 1], in dB; 100 for equal ones."""
    error = (one.double() - other.double()).square().mean((1, 2, 3))
    return -10 * error.clamp(min=1e-10).log10()


def ssim(one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
    """Structural similarity of pictures in [0, 1]: Wang et al. 2004, an 11×11 Gaussian window.

    Raises:
        UserError: if the pictures are smaller than the window.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    if min(one.shape[-2:]) < SMALLEST_FOR_SSIM:
        raise UserError(f"SSIM needs pictures of {SMALLEST_FOR_SSIM} pixels a side or more.")
    values = structural_similarity_index_measure(one, other, data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    return values.reshape(len(one))


def perceptual_distance(
    name: str, one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]
) -> Float[Tensor, " b"]:
    """The mean squared difference of feature maps whose columns have length 1, summed over layers.

    LPIPS (Zhang et al. 2018) without its learned weights, on the network called `name`: a number
    of its own, comparable only under the same network.
    """
    total = torch.zeros(len(one))
    for mine, theirs in zip(maps(name, one), maps(name, other), strict=True):
        total += normalized_feature_distance(mine, theirs).cpu()
    return total


@torch.inference_mode()
def paired_metrics(
    one: Float[Tensor, "n c h w"],
    other: Float[Tensor, "n c h w"],
    name: str,
    on_luma: bool = False,
    cut: int = 0,
) -> PairedMetrics:
    """Compare picture i of `one` with picture i of `other`, in [-1, 1], rounded to 8 bits.

    Args:
        one: the pictures that are judged.
        other: what they should be.
        name: the feature network of the perceptual distance, which sees whole pictures.
        on_luma: PSNR and SSIM of Y instead of the mean over colours.
        cut: pixels of border that PSNR and SSIM leave out.

    Raises:
        UserError: if the two differ in shape, or nothing is left of a picture.
    """
    if one.shape != other.shape:
        raise UserError(
            f"pairs have one size: {list(one.shape[1:])} and {list(other.shape[1:])} do not match."
        )
    if cut < 0:
        raise UserError(f"a border is of 0 pixels or more, not {cut}.")
    if min(one.shape[-2:]) <= 2 * cut:
        raise UserError(f"a border of {cut} pixels leaves nothing of {list(one.shape[-2:])}.")
    rows = []
    for mine, theirs in zip(
        quantize_8bit(one.split(PICTURES_AT_ONCE)),
        quantize_8bit(other.split(PICTURES_AT_ONCE)),
        strict=True,
    ):
        perceived = perceptual_distance(name, mine, theirs)
        inside = slice(cut, -cut or None)
        a, b = ((luma(x) if on_luma else (x + 1) / 2)[..., inside, inside] for x in (mine, theirs))
        rows.append((psnr(a, b), ssim(a, b), perceived))
    columns = [
        torch.cat([value.double() for value in column]) for column in zip(*rows, strict=True)
    ]
    return PairedMetrics(*columns)
