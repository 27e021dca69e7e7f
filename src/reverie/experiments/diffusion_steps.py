"""`diffusion-steps`: a diffusion model while it learns, its forward and its reverse process."""

from pathlib import Path
from typing import TYPE_CHECKING

from reverie.experiments.experiment import Experiment, Training

if TYPE_CHECKING:
    from torch import Tensor

    from reverie.experiments.findings import Findings
    from reverie.inference.model import Model

CLASSES, SEEDS, SAMPLING_STEPS = 10, 3, 12
SIGMAS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 80.0)


def draw(findings: "Findings") -> None:
    """Samples after more and more training; noise added; noise removed."""
    import numpy as np

    import reverie
    from reverie.data import DataOptions, open_dataset

    sheets = list(findings.run("diffusion").sheets().items())
    chosen = [sheets[min(n, len(sheets) - 1)] for n in (0, 1, 2, 4, 8, 16, len(sheets))]
    rows = {f"{step:,} training steps": first_row(sheet) for step, sheet in dict(chosen).items()}
    findings.rows("training", rows, "Samples of seeds 0 to 9 after more and more training")
    test = open_dataset(DataOptions(data="digits", split="test"))
    digits = reverie.images.to_tensor(test.read(np.arange(SEEDS)))
    noise = noise_of_seeds(SEEDS)
    rows = {
        f"test digit {n}": [shrunk(digits[n] + s * noise[n], s) for s in SIGMAS]
        for n in range(SEEDS)
    }
    words = "The forward process: x = x₀ + σ ε, shown in [-1, 1] after division by √(1 + σ²)"
    findings.rows("forward", rows, words, [f"noise {s:g}" for s in SIGMAS])
    states, predictions, sigmas = reverse(findings.model("diffusion"), SEEDS)
    rows = {}
    for n in range(SEEDS):
        rows[f"noisy, seed {n}"] = [x[n] for x in states]
        rows[f"predicted, seed {n}"] = [x[n] for x in predictions]
    words = f"The reverse process, {SAMPLING_STEPS} steps of Euler's method: x, and x₀ as predicted"
    findings.rows("reverse", rows, words, [f"noise {s:.2g}" for s in sigmas])
    findings.curves("loss", ["diffusion"], "denoising", "The denoising loss per epoch")


def first_row(sheet: Path) -> "list[Tensor]":
    """The images in the first row of a preview sheet, which magnifies them."""
    import reverie

    pixels = reverie.images.read(sheet)[..., :1]
    side = (pixels.shape[1] - 2) // CLASSES - 2  # the images are 2 pixels apart
    cells = [pixels[2 : 2 + side, 2 + n * (side + 2) :][:, :side] for n in range(CLASSES)]
    return [reverie.images.to_tensor(cell[None])[0] for cell in cells]


def shrunk(x: "Tensor", sigma: float) -> "Tensor":
    """Noisy images x / √(1 + σ²), as large as images without noise."""
    return x / (1 + sigma**2) ** 0.5


def noise_of_seeds(count: int) -> "Tensor":
    """Noise of seeds 0, 1, …, [count, 1, 28, 28]."""
    from reverie.core.rng import latents_of_seeds

    return latents_of_seeds(range(count), (1, 28, 28))


def reverse(model: "Model", count: int) -> "tuple[list[Tensor], list[Tensor], list[float]]":
    """Each step's noisy images x / √(1 + σ²), the predicted x₀, and the noise level σ."""
    from reverie.methods.diffusion.diffusion import Diffusion
    from reverie.methods.diffusion.sampler_options import Sampling

    assert isinstance(model.method, Diffusion)
    sigmas = model.method.sigmas(Sampling(steps=SAMPLING_STEPS, schedule="karras")).tolist()
    predictions: list[Tensor] = []
    model.sample(
        count,
        sampler="euler",
        schedule="karras",
        steps=SAMPLING_STEPS,
        callback=lambda step, x: predictions.append(x),
    )
    x, states = noise_of_seeds(count).double() * sigmas[0], []
    for sigma, below, x_0 in zip(sigmas, sigmas[1:], predictions, strict=False):
        states.append(shrunk(x, sigma).float())
        x = x + (below - sigma) * (x - x_0) / sigma
    return states, [x_0.float() for x_0 in predictions], sigmas[:-1]


DIFFUSION_STEPS = Experiment(
    about="a diffusion model on digits: while it learns, noise added, noise removed",
    trainings={
        "diffusion": Training(
            method="diffusion", preset="digits", minutes=12, options={"sample_every": 100}
        )
    },
    draw=draw,
    minutes=0.3,
)
