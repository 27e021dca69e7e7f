"""Metrics of an image and its target: PSNR, SSIM and a perceptual distance.

Published super-resolution results are of the luma alone, excluding a border as wide as the scale
factor: `on_luma` and `cut`.
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
    """One value per pair: PSNR in dB, SSIM (at most 1), perceptual distance (at least 0)."""

    psnr: Float[Tensor, " n"]
    ssim: Float[Tensor, " n"]
    perceptual: Float[Tensor, " n"]


def luma(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
    """BT.601 luma Y in video range, 16/255 to 235/255, as in super-resolution's tables.

    Args:
        images: grayscale or RGB, in [-1, 1].
    """
    red, green, blue = ((images.expand(-1, 3, -1, -1) + 1) / 2).unbind(1)
    return ((65.481 * red + 128.553 * green + 24.966 * blue + 16) / 255)[:, None]


def psnr(one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
    """PSNR 10 log₁₀ (1 / MSE) of images in [0, 1], in dB; 100 for identical images."""
    error = (one.double() - other.double()).square().mean((1, 2, 3))
    return -10 * error.clamp(min=1e-10).log10()


def ssim(one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
    """Structural similarity of images in [0, 1]: Wang et al. 2004, 11×11 Gaussian window.

    Raises:
        UserError: if the images are smaller than the window.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    if min(one.shape[-2:]) < SMALLEST_FOR_SSIM:
        raise UserError(f"SSIM needs images of at least {SMALLEST_FOR_SSIM} pixels a side.")
    values = structural_similarity_index_measure(one, other, data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    return values.reshape(len(one))


def log_power_spectrum(image: Float[Tensor, "1 c h w"]) -> Float[Tensor, " bands"]:
    """log₁₀ of the mean power of Y in bands of 0.05 cycles per pixel from 0.1 on.

    Durall et al. 2020; with a Hann window. The image is in [-1, 1].
    """
    y = luma(image)[0, 0]
    height, width = y.shape
    window = torch.hann_window(height)[:, None] * torch.hann_window(width)
    power = torch.fft.rfft2(y * window).abs().square()
    across, down = torch.fft.rfftfreq(width), torch.fft.fftfreq(height)
    frequency = torch.hypot(down[:, None], across[None])
    bands = [(frequency >= f) & (frequency < f + 0.05) for f in torch.arange(0.1, 0.5, 0.05)]
    return torch.stack([power[band].mean().log10() for band in bands])


def perceptual_distance(
    name: str, one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]
) -> Float[Tensor, " b"]:
    """Squared difference of channel-normalized feature maps, averaged over positions.

    Summed over the layers of the network called `name`: LPIPS (Zhang et al. 2018) without its
    learned weights. Values are comparable only under the same network. Images are in [-1, 1].
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
    """PSNR, SSIM and perceptual distance of each pair of images in [-1, 1], rounded to 8 bits.

    Args:
        one: the images that are evaluated.
        other: their targets.
        name: the feature network of the perceptual distance, computed on whole images.
        on_luma: PSNR and SSIM of the luma Y instead of the mean over channels.
        cut: width of the border that PSNR and SSIM exclude, in pixels.

    Raises:
        UserError: if the shapes differ, or the border covers the whole image.
    """
    if one.shape != other.shape:
        raise UserError(
            f"both images of a pair must have the same shape: {list(one.shape[1:])} and "
            f"{list(other.shape[1:])} do not match."
        )
    if cut < 0:
        raise UserError(f"a border must be at least 0 pixels, not {cut}.")
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
