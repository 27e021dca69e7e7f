"""`super-resolution`: SRResNet and SRGAN four times, beside bicubic and the shipped model."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.experiments.findings import Findings

SCALE, BORDER, CROP = 4, 4, 128
CROPS = {"astronaut": (0, 170), "coffee": (30, 170), "chelsea": (60, 130), "rocket": (200, 250)}
"""Photographs, and row and column where a crop begins that shows detail."""
COLUMNS = (
    "PSNR of Y, dB",
    "SSIM of Y",
    "perceptual distance [efficientnet]",
    "difference of the log power spectrum, decades",
)


def draw(findings: "Findings") -> None:
    """Crops side by side; PSNR and SSIM as in the papers' tables, and perceptual distances."""
    import torch

    from reverie.evaluation.metrics.paired import log_power_spectrum, paired_metrics
    from reverie.experiments.photographs import photograph
    from reverie.inference.load import load
    from reverie.inference.upscale import bicubic
    from reverie.methods.superres.degradation import downscale

    upscalers: dict[str, Callable[[Tensor], Tensor]] = {"bicubic": lambda x: bicubic(x, SCALE)}
    upscalers |= {name: findings.model(name).upscale for name in ("srresnet", "srgan")}
    upscalers["photos-x4, shipped"] = load("photos-x4").upscale
    crops: list[Tensor] = []
    figures: dict[str, dict[str, float]] = {name: {} for name in upscalers}
    for name, (top, left) in CROPS.items():
        whole = photograph(name)
        height, width = (side // SCALE * SCALE for side in whole.shape[-2:])
        target = whole[..., :height, :width]
        made = {n: upscale(downscale(target, SCALE)) for n, upscale in upscalers.items()}
        for upscaler, image in made.items():
            pair = paired_metrics(image, target, "efficientnet", on_luma=True, cut=BORDER)
            off = (log_power_spectrum(image) - log_power_spectrum(target)).abs().mean()
            values = (pair.psnr, pair.ssim, pair.perceptual, off)
            for column, value in zip(COLUMNS, values, strict=True):
                mean = figures[upscaler].get(column, 0.0) + float(value) / len(CROPS)
                figures[upscaler][column] = mean
        shown = [*made.values(), target]
        crops += [x[..., top : top + CROP, left : left + CROP] for x in shown]
    words = f"×{SCALE}, photographs that no training saw: {', '.join(upscalers)}, original"
    findings.sheet("crops", torch.cat(crops), words, columns=len(upscalers) + 1)
    findings.table(f"Means of {', '.join(CROPS)}, ×{SCALE}; Y with a border of {BORDER}", figures)


SUPER_RESOLUTION = Experiment(
    about="photographs four times larger: bicubic, SRResNet, SRGAN and the shipped model",
    trainings={
        "srresnet": Training(method="srresnet", preset="photos-small", minutes=40),
        "srgan": Training(method="srgan", preset="photos-small", init="srresnet", minutes=30),
    },
    draw=draw,
    data=("photos",),
    minutes=1,
)
