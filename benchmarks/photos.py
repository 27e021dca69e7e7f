"""Photographs made four times smaller and enlarged again: models beside each other and bicubic.

    reverie data get photos
    reverie train srresnet --preset photos-small --out runs/x4
    reverie train srgan --preset photos-small --init runs/x4 --out runs/x4-gan
    reverie train srresnet --preset photos --out runs/large
    reverie train srgan --preset photos-small --init runs/large --out runs/large-gan
    python benchmarks/photos.py runs/x4 runs/x4-gan runs/large runs/large-gan [--sheet SHEET.png]

The pictures are scikit-image's astronaut, coffee, chelsea and rocket, which no training has seen.
The protocol is that of the papers' tables (Set5 and its kin): small pictures by antialiased
bicubic, rounded to 8 bits; PSNR and SSIM of the luma Y after rounding, without 4 pixels of border.
Prints a table of each picture's PSNR, their means, the mean perceptual distance, and how far the
power of detail is from the truth's, in decades, over bands of frequency (Durall et al. 2020): no
training here minimises that.
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
from reverie.evaluation.metrics.paired import luma, paired_metrics
from reverie.inference.upscale import bicubic
from reverie.methods.superres.degradation import downscale

PICTURES = ("astronaut", "coffee", "chelsea", "rocket")
SCALE, BORDER = 4, 4
CUTS = {"astronaut": (0, 170), "coffee": (30, 170), "chelsea": (60, 130), "rocket": (200, 250)}
CUT = 128


def truth(name: str) -> Tensor:
    pixels = np.asarray(getattr(skimage.data, name)())
    height, width = (n // SCALE * SCALE for n in pixels.shape[:2])
    return images.to_tensor(pixels[None, :height, :width])


def power_of_detail(picture: Tensor) -> Tensor:
    """log₁₀ of the mean power of Y in bands of 0.05 cycles a pixel, from 0.1 on."""
    y = luma(picture)[0, 0]
    height, width = y.shape
    window = torch.hann_window(height)[:, None] * torch.hann_window(width)
    power = torch.fft.rfft2(y * window).abs().square()
    across, down = torch.fft.rfftfreq(width), torch.fft.fftfreq(height)
    frequency = torch.hypot(down[:, None], across[None])
    bands = [(frequency >= f) & (frequency < f + 0.05) for f in torch.arange(0.1, 0.5, 0.05)]
    return torch.stack([power[band].mean().log10() for band in bands])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["photos-x4"])
    parser.add_argument("--sheet", type=Path, default=None, help="crops side by side")
    arguments = parser.parse_args()
    ways: dict[str, Callable[[Tensor], Tensor]] = {"bicubic": lambda x: bicubic(x, SCALE)}
    for place in arguments.models:
        ways[place] = reverie.load(place).upscale
    head = " | ".join(PICTURES)
    print(
        f"×{SCALE}, PSNR on Y in dB, border {BORDER} | {head} | mean | SSIM | perceptual distance"
        " | power of detail, off by decades"
    )
    crops: dict[str, list[Tensor]] = {name: [] for name in PICTURES}
    for place, enlarge in ways.items():
        rows = []
        for name in PICTURES:
            true = truth(name)
            made = enlarge(downscale(true, SCALE))
            pair = paired_metrics(made, true, "efficientnet", on_luma=True, cut=BORDER)
            off = (power_of_detail(made) - power_of_detail(true)).abs().mean()
            rows.append([float(pair.psnr), float(pair.ssim), float(pair.perceptual), float(off)])
            top, left = CUTS[name]
            crops[name].append(made[..., top : top + CUT, left : left + CUT])
        psnr, ssim, perceptual, off = torch.tensor(rows).T
        each = " | ".join(f"{p:.2f}" for p in psnr)
        means = (
            f"{psnr.mean():.2f} | {ssim.mean():.4f} | {perceptual.mean():.3f} | {off.mean():.2f}"
        )
        print(f"{place} | {each} | {means}", flush=True)
    if arguments.sheet:
        for name, (top, left) in CUTS.items():
            crops[name].append(truth(name)[..., top : top + CUT, left : left + CUT])
        every = torch.cat([torch.cat(row) for row in crops.values()])
        images.save_sheet(every, arguments.sheet, columns=len(ways) + 1)


if __name__ == "__main__":
    main()
