"""How good enlargements are: made small, enlarged again, and compared with what they were.

The protocol of the papers' tables: small pictures by antialiased bicubic, PSNR and SSIM of the luma
Y of BT.601 after rounding to 8 bits, without a border as wide as the scale. Bicubic enlargement
stands beside it.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.data import DataOptions, find_source
from reverie.evaluation.metrics.paired import paired_metrics
from reverie.evaluation.samples import DEFAULT_FEATURES
from reverie.inference.model import Model
from reverie.inference.upscale import bicubic
from reverie.methods import Upscales
from reverie.methods.base import require
from reverie.methods.superres.degradation import downscale

SMALLEST = 48


def evaluate_upscaler(
    model: Model, data: DataOptions, *, features: str | None = None, tile: int | None = None
) -> dict[str, float]:
    """Enlarge the pictures of `data`, made small first; mean figures, and those of bicubic.

    Raises:
        UserError: if the model does not enlarge, or the pictures are too small to be compared.
    """
    scale = require(model.method, Upscales, model.name).scale
    name = features or DEFAULT_FEATURES
    channels = model.method.spec.channels
    rows = []
    for truth in _pictures(data, channels, scale):
        small = downscale(truth, scale)
        made = model.upscale(small, tile=tile)
        row = []
        for image in (made, bicubic(small, scale)):
            pair = paired_metrics(image, truth, name, on_luma=True, cut=scale)
            row += [float(pair.psnr), float(pair.ssim), float(pair.perceptual)]
        rows.append(row)
    about = f"[×{scale}, {len(rows)} pictures, Y, border {scale}]"
    seen = f"[×{scale}, {len(rows)} pictures, {name}]"
    means = torch.tensor(rows).mean(0).tolist()
    figures = {}
    for number, what in enumerate(("", "bicubic_")):
        psnr, ssim, perceptual = means[3 * number : 3 * number + 3]
        figures |= {f"{what}psnr{about}": psnr, f"{what}ssim{about}": ssim}
        figures[f"{what}perceptual_distance{seen}"] = perceptual
    return figures


def _pictures(data: DataOptions, channels: int, scale: int) -> Iterator[Float[Tensor, "1 c h w"]]:
    """The pictures, their sides cut to multiples of the scale."""
    assert data.data is not None
    source = find_source(data.data, data.split)
    for index in progress.track(range(len(source.names)), len(source.names), "enlarging"):
        pixels = image_io.with_channels(source.read(index, None), channels)
        height, width = (n // scale * scale for n in pixels.shape[:2])
        if min(height, width) < max(SMALLEST, 12 * scale):
            raise UserError(
                f"{source.names[index]}: a picture of {width}×{height} is too small to be made "
                f"{scale} times smaller and compared: leave it out."
            )
        yield image_io.to_tensor(pixels[None, :height, :width])
