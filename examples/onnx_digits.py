"""Digits sampled from an ONNX file with NumPy and ONNX Runtime alone, without PyTorch or reverie.

    reverie export digits --to onnx --out digits.onnx
    python examples/onnx_digits.py digits.onnx --out digits.png

For the same noise the images are those of `reverie sample digits.onnx`.
"""

import argparse
import json
from itertools import pairwise

import numpy as np
import onnxruntime
from PIL import Image


def noise_levels(steps: int, schedule: str, sigma_min: float, sigma_max: float) -> np.ndarray:
    """Evenly spaced in the time t of the flow, σ = t / (1 - t), or in σ^(1/7); then 0.

    Liu et al. 2022; Karras et al. 2022, equation 5.
    """
    if schedule == "uniform":
        times = np.linspace(sigma_max / (1 + sigma_max), 0, steps + 1)
        return times / (1 - times)
    low, high = sigma_min ** (1 / 7), sigma_max ** (1 / 7)
    return np.append(np.linspace(high, low, steps) ** 7, 0.0)


def sample(
    session: onnxruntime.InferenceSession, noise: np.ndarray, labels: np.ndarray, guidance: float
) -> np.ndarray:
    """Images [B, C, H, W] in [-1, 1] of standard normal noise, by DPM-Solver++(2M)."""
    facts = json.loads(session.get_modelmeta().custom_metadata_map["reverie"])
    no_label = np.full_like(labels, len(facts["pictures"]["class_names"]))

    def denoise(x: np.ndarray, sigma: float) -> np.ndarray:
        level = np.full(len(x), sigma, np.float32)
        inputs = {"x": x.astype(np.float32), "sigma": level}
        conditional = np.asarray(session.run(None, inputs | {"label": labels})[0], float)
        free = np.asarray(session.run(None, inputs | {"label": no_label})[0], float)
        return free + guidance * (conditional - free)

    names = ("steps", "schedule", "sigma_min", "sigma_max")
    sigmas = noise_levels(**{name: facts["sampling"][name] for name in names})
    x, previous = noise * sigmas[0], None
    for n, (sigma, next_sigma) in enumerate(pairwise(sigmas)):
        x_0 = denoise(x, sigma)
        direction = x_0
        if previous is not None and next_sigma > 0:
            # Second order: x₀ extrapolated linearly in log σ, half a step ahead.
            ratio = np.log(sigma / next_sigma) / np.log(sigmas[n - 1] / sigma)
            direction = x_0 + ratio / 2 * (x_0 - previous)
        x = next_sigma / sigma * x + (1 - next_sigma / sigma) * direction
        previous = x_0
    return x.clip(-1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("file", help="digits.onnx, of reverie export digits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--out", default="digits.png")
    arguments = parser.parse_args()
    session = onnxruntime.InferenceSession(arguments.file, providers=["CPUExecutionProvider"])
    _, channels, height, width = session.get_inputs()[0].shape
    noise = np.random.default_rng(arguments.seed).standard_normal((10, channels, height, width))
    images = sample(session, noise, np.arange(10), arguments.guidance)
    pixels = np.rint((np.concatenate(images[:, 0], axis=1) + 1) * 127.5).astype(np.uint8)
    Image.fromarray(pixels).save(arguments.out)
    print(f"{arguments.out}: the digits 0 to 9")


if __name__ == "__main__":
    main()
