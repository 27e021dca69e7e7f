"""Super-resolution metrics: images are downscaled, upscaled by the model and compared.

The protocol of the papers' tables: antialiased bicubic downscaling; PSNR and SSIM of the BT.601
luma Y after rounding to 8 bits, excluding a border as wide as the scale factor. Bicubic
interpolation is the baseline.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.failures import Failures
from reverie.core.result import counted
from reverie.data import DataOptions, find_source
from reverie.data.source import Source
from reverie.evaluation.metrics.features import find_maps
from reverie.evaluation.metrics.paired import paired_metrics
from reverie.evaluation.samples import DEFAULT_FEATURES
from reverie.inference.model import Model
from reverie.inference.upscale import bicubic
from reverie.methods import Upscales
from reverie.methods.capabilities import require
from reverie.methods.superres.degradation import downscale

SMALLEST = 48


def evaluate_upscaler(
    model: Model,
    data: DataOptions,
    *,
    features: str | None = None,
    tile: int | None = None,
    failures: Failures | None = None,
) -> dict[str, float]:
    """Mean PSNR, SSIM and perceptual distance of upscaled images, and the bicubic baseline's.

    Args:
        model: a super-resolution model.
        data: the high-resolution images.
        features: the network of the perceptual distance; by default EfficientNet.
        tile: passed to `Model.upscale`.
        failures: records which images are left out, since they are damaged or too small.

    Raises:
        UserError: if the model does not upscale, or no image can be compared.
    """
    scale = require(model.method, Upscales, model.name).scale
    name = features or DEFAULT_FEATURES
    find_maps(name)
    channels = model.method.spec.channels
    rows = []
    failures = failures or Failures()
    for truth in _high_res_images(data, channels, scale, failures):
        small = downscale(truth, scale)
        made = model.upscale(small, tile=tile)
        row = []
        for image in (made, bicubic(small, scale)):
            pair = paired_metrics(image, truth, name, on_luma=True, cut=scale)
            row += [float(pair.psnr), float(pair.ssim), float(pair.perceptual)]
        rows.append(row)
    if not rows:
        raise failures.refuse(len(failures.reasons), "compared")
    count = counted(len(rows), "image")
    about, seen = f"[×{scale}, {count}, Y, border {scale}]", f"[×{scale}, {count}, {name}]"
    means = torch.tensor(rows).mean(0).tolist()
    figures = {}
    for number, what in enumerate(("", "bicubic_")):
        psnr, ssim, perceptual = means[3 * number : 3 * number + 3]
        figures |= {f"{what}psnr{about}": psnr, f"{what}ssim{about}": ssim}
        figures[f"{what}perceptual_distance{seen}"] = perceptual
    return figures


def _high_res_images(
    data: DataOptions, channels: int, scale: int, failures: Failures
) -> Iterator[Float[Tensor, "1 c h w"]]:
    """The images, cropped to multiples of the scale factor."""
    assert data.data is not None
    source = find_source(data.data, data.split)
    failures.reasons.update(source.broken)
    for index in progress.track(range(len(source.names)), len(source.names), "upscaling"):
        truth = None
        with failures.of(source.names[index]):
            truth = _high_res_image(source, index, channels, scale)
        if truth is not None:
            yield truth


def _high_res_image(
    source: Source, index: int, channels: int, scale: int
) -> Float[Tensor, "1 c h w"]:
    pixels = image_io.with_channels(source.read(index, None), channels)
    height, width = (n // scale * scale for n in pixels.shape[:2])
    if min(height, width) < max(SMALLEST, 12 * scale):
        raise UserError(
            f"{source.names[index]}: an image of {width}×{height} is too small to be downscaled by "
            f"{scale} and compared."
        )
    return image_io.to_tensor(pixels[None, :height, :width])
