"""How tests/reference/runs was made: a small run of each method by the code of commit 6e6a689.

    git archive 6e6a689 src | tar x -C /tmp/old
    PYTHONPATH=/tmp/old/src:. python tests/reference/make_runs.py

Each run has 5 steps; its checkpoint after 3, its finished model and what the model gives for fixed
inputs are kept. tests/test_old_runs.py resumes and loads them.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from tests.fingerprint import DATA, METHODS, SMALL, make_images

RUNS = Path(__file__).resolve().with_name("runs")
FIXED = {"batch_size": 4, "seed": 3, "checkpoint_every": 3, "steps": 5, "precision": "fp32"}
SMALLER = {
    "vae": {"hidden": (4,), "latent_size": 4},
    "gan": {"hidden": (4, 4), "latent_size": 8},
    "diffusion": {"width": 4},
    "srgan": {"width": 4, "blocks": 1, "discriminator_width": 1},
    "esrgan": {"width": 4, "blocks": 1, "discriminator_width": 1},
    "cyclegan": {"pool_size": 2, "width": 2, "discriminator_width": 2},
    "pix2pix": {"width": 1, "discriminator_width": 1},
    "cut": {"width": 2, "discriminator_width": 2},
    "dcgan": {"width": 2},
    "cgan": {"width": 2},
    "srresnet": {"width": 4, "blocks": 1},
    "encoder": {"width": 2, "base_options": {"width": 2, "latent_size": 8}},
}


def outputs(model) -> dict[str, np.ndarray]:
    """What a model gives for fixed inputs, by what it can do."""
    generator = torch.Generator().manual_seed(0)
    channels = model.method.spec.channels
    images = torch.rand(2, channels, 20, 24, generator=generator) * 2 - 1
    found = {}
    for name, call in (
        ("sample", lambda: model.sample(2, seed=7)),
        ("translate", lambda: model.translate(images)),
        ("upscale", lambda: model.upscale(images[..., :8, :10], precision="fp32")),
    ):
        try:
            found[name] = call().numpy()
        except ValueError:
            continue  # the model cannot do it
    return found


def main() -> None:
    import reverie

    shutil.rmtree(RUNS, ignore_errors=True)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["REVERIE_CACHE"] = str(Path(folder, "cache"))
        make_images()
        for method in METHODS:
            data = DATA.get(method, {"data": "digits"})
            options = data | SMALL[method] | SMALLER.get(method, {}) | FIXED
            run = reverie.train(method, out=f"runs/{method}", **options)
            kept = RUNS / method
            shutil.copytree(run.folder / "model", kept / "model")
            shutil.copy(run.folder / "options.json", kept)
            (kept / "checkpoints").mkdir()
            for file in (run.folder / "checkpoints").glob("step-000000003.*"):
                shutil.copy(file, kept / "checkpoints")
            np.savez_compressed(kept / "outputs.npz", **outputs(reverie.load(run.folder)))
            print(method, sum(f.stat().st_size for f in kept.rglob("*") if f.is_file()))
    sys.exit()


if __name__ == "__main__":
    main()
