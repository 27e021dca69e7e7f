"""Photographs downscaled four times or twice, and upscaled again: models beside bicubic.

    reverie data get photos
    reverie train srresnet --preset photos-small --out runs/x4
    reverie train srgan --preset photos-small --init runs/x4 --out runs/x4-gan
    reverie train srresnet --preset photos --out runs/large
    reverie train srgan --preset photos-small --init runs/large --out runs/large-gan
    python benchmarks/photos.py runs/x4 runs/x4-gan runs/large runs/large-gan [--sheet SHEET.webp]
    python benchmarks/photos.py photos-x2 photos-x4 --scale 2

The images are scikit-image's astronaut, coffee, chelsea and rocket, which are in no training split.
The protocol is that of the papers' tables (Set5 and similar): low-resolution images by antialiased
bicubic, rounded to 8 bits; PSNR and SSIM of the luma Y after rounding, without as many pixels at
the border as the scale. A model of a larger scale is downscaled afterwards. Prints a table of each
image's PSNR, the means, the mean perceptual distance in EfficientNet-Lite0, which content losses
use, and Lite2, which none does, and the mean difference of the log power spectrum from the
target's, in decades, over frequency bands (Durall et al. 2020), which no training here minimises.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.data
import torch
from torch import Tensor

import reverie
from reverie import images
from reverie.core.errors import UserError
from reverie.evaluation.metrics.paired import log_power_spectrum, paired_metrics
from reverie.inference.upscale import bicubic
from reverie.methods.superres.degradation import downscale

IMAGES = ("astronaut", "coffee", "chelsea", "rocket")
FEATURES = {"Lite0": "efficientnet", "Lite2": "efficientnet-lite2"}
CROPS = {"astronaut": (0, 170), "coffee": (30, 170), "chelsea": (60, 130), "rocket": (200, 250)}
CROP = 128


def target_of(name: str, scale: int) -> Tensor:
    """A photograph [1, 3, H, W] in [-1, 1], cropped to a multiple of the scale factor."""
    pixels = np.asarray(getattr(skimage.data, name)())
    height, width = (n // scale * scale for n in pixels.shape[:2])
    return images.to_tensor(pixels[None, :height, :width])


def upscaler_of(place: str, scale: int) -> Callable[[Tensor], Tensor]:
    """What a model makes of images, downscaled where its own scale is larger.

    Raises:
        UserError: if its scale is no multiple of the wanted one.
    """
    model = reverie.load(place)
    own: int = model.method.scale
    if own % scale:
        raise UserError(f"{place}: this model upscales {own} times, not {scale}.")
    if own == scale:
        return model.upscale
    return lambda small: downscale(model.upscale(small), own // scale)


def figures_of(made: Tensor, target: Tensor, scale: int) -> list[float]:
    """PSNR, SSIM, perceptual distances, and the difference of the log power spectra."""
    pairs = [paired_metrics(made, target, f, on_luma=True, cut=scale) for f in FEATURES.values()]
    off = (log_power_spectrum(made) - log_power_spectrum(target)).abs().mean()
    distances = [float(pair.perceptual) for pair in pairs]
    return [float(pairs[0].psnr), float(pairs[0].ssim), *distances, float(off)]


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("models", nargs="*", default=["photos-x4"])
    parser.add_argument("--scale", type=int, default=4, choices=(2, 4))
    parser.add_argument("--sheet", type=Path, default=None, help="crops side by side")
    arguments = parser.parse_args()
    scale = arguments.scale
    upscalers: dict[str, Callable[[Tensor], Tensor]] = {"bicubic": lambda x: bicubic(x, scale)}
    upscalers |= {place: upscaler_of(place, scale) for place in arguments.models}
    head = " | ".join([*IMAGES, "mean", "SSIM", *FEATURES])
    print(f"×{scale}, PSNR on Y in dB, border {scale} | {head} | log power spectrum, decades off")
    crops: dict[str, list[Tensor]] = {name: [] for name in IMAGES}
    for place, upscale in upscalers.items():
        rows = []
        for name in IMAGES:
            target = target_of(name, scale)
            made = upscale(downscale(target, scale))
            rows.append(figures_of(made, target, scale))
            top, left = CROPS[name]
            crops[name].append(made[..., top : top + CROP, left : left + CROP])
        psnr, ssim, *distances, off = torch.tensor(rows).T
        shown = [*(f"{value:.2f}" for value in [*psnr, psnr.mean()]), f"{ssim.mean():.4f}"]
        shown += [*(f"{value.mean():.3f}" for value in distances), f"{off.mean():.2f}"]
        print(" | ".join([place, *shown]), flush=True)
    if arguments.sheet:
        for name, (top, left) in CROPS.items():
            crops[name].append(target_of(name, scale)[..., top : top + CROP, left : left + CROP])
        every = torch.cat([torch.cat(row) for row in crops.values()])
        images.save_sheet(every, arguments.sheet, columns=len(upscalers) + 1)


if __name__ == "__main__":
    main()
