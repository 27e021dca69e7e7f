"""Photographs downscaled four times and upscaled again: models beside bicubic interpolation.

    reverie data get photos
    reverie train srresnet --preset photos-small --out runs/x4
    reverie train srgan --preset photos-small --init runs/x4 --out runs/x4-gan
    reverie train srresnet --preset photos --out runs/large
    reverie train srgan --preset photos-small --init runs/large --out runs/large-gan
    python benchmarks/photos.py runs/x4 runs/x4-gan runs/large runs/large-gan [--sheet SHEET.png]

The images are scikit-image's astronaut, coffee, chelsea and rocket, which are in no training split.
The protocol is that of the papers' tables (Set5 and similar): low-resolution images by antialiased
bicubic, rounded to 8 bits; PSNR and SSIM of the luma Y after rounding, without the 4 pixels at the
border. Prints a table of each image's PSNR, the means, the mean perceptual distance, and the mean
difference of the log power spectrum from the target's, in decades, over frequency bands (Durall et
al. 2020), which no training here minimises.
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
from reverie.evaluation.metrics.paired import log_power_spectrum, paired_metrics
from reverie.inference.upscale import bicubic
from reverie.methods.superres.degradation import downscale

IMAGES = ("astronaut", "coffee", "chelsea", "rocket")
SCALE, BORDER = 4, 4
CROPS = {"astronaut": (0, 170), "coffee": (30, 170), "chelsea": (60, 130), "rocket": (200, 250)}
CROP = 128


def target_of(name: str) -> Tensor:
    """A photograph [1, 3, H, W] in [-1, 1], cropped to a multiple of the scale factor."""
    pixels = np.asarray(getattr(skimage.data, name)())
    height, width = (n // SCALE * SCALE for n in pixels.shape[:2])
    return images.to_tensor(pixels[None, :height, :width])


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("models", nargs="*", default=["photos-x4"])
    parser.add_argument("--sheet", type=Path, default=None, help="crops side by side")
    arguments = parser.parse_args()
    upscalers: dict[str, Callable[[Tensor], Tensor]] = {"bicubic": lambda x: bicubic(x, SCALE)}
    for place in arguments.models:
        upscalers[place] = reverie.load(place).upscale
    head = " | ".join(IMAGES)
    print(
        f"×{SCALE}, PSNR on Y in dB, border {BORDER} | {head} | mean | SSIM | perceptual distance"
        " | log power spectrum, decades off"
    )
    crops: dict[str, list[Tensor]] = {name: [] for name in IMAGES}
    for place, upscale in upscalers.items():
        rows = []
        for name in IMAGES:
            target = target_of(name)
            made = upscale(downscale(target, SCALE))
            pair = paired_metrics(made, target, "efficientnet", on_luma=True, cut=BORDER)
            off = (log_power_spectrum(made) - log_power_spectrum(target)).abs().mean()
            rows.append([float(pair.psnr), float(pair.ssim), float(pair.perceptual), float(off)])
            top, left = CROPS[name]
            crops[name].append(made[..., top : top + CROP, left : left + CROP])
        psnr, ssim, perceptual, off = torch.tensor(rows).T
        each = " | ".join(f"{p:.2f}" for p in psnr)
        means = (
            f"{psnr.mean():.2f} | {ssim.mean():.4f} | {perceptual.mean():.3f} | {off.mean():.2f}"
        )
        print(f"{place} | {each} | {means}", flush=True)
    if arguments.sheet:
        for name, (top, left) in CROPS.items():
            crops[name].append(target_of(name)[..., top : top + CROP, left : left + CROP])
        every = torch.cat([torch.cat(row) for row in crops.values()])
        images.save_sheet(every, arguments.sheet, columns=len(upscalers) + 1)


if __name__ == "__main__":
    main()
