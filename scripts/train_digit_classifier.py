"""Train the digit classifier that is part of the package, and print its accuracy on the test split.

    python scripts/train_digit_classifier.py [--minutes 6] [--out FILE.safetensors]

Trained on the 8,000 training digits, with random rotation, scale, shear and shift.
"""

import argparse
import copy
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from reverie.core.files import write_atomic
from reverie.core.image_io import to_tensor
from reverie.data import Batches, DataOptions, open_dataset
from reverie.evaluation.metrics.digits import WEIGHTS, DigitClassifier


def distorted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images rotated by up to 14°, scaled and sheared by up to 15 %, shifted by up to 2 pixels."""
    count = len(images)

    def uniform(bound: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * bound

    angle, shear = uniform(math.radians(14)), uniform(0.15)
    wide, tall = 1 + uniform(0.15), 1 + uniform(0.15)
    theta = torch.stack(
        [
            torch.stack([angle.cos() * wide, -angle.sin() * tall + shear, uniform(2 / 14)], 1),
            torch.stack([angle.sin() * wide, angle.cos() * tall, uniform(2 / 14)], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    train = open_dataset(DataOptions(data="digits"))
    test = open_dataset(DataOptions(data="digits", split="test"))
    classifier = DigitClassifier()
    classifier.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    averaged = copy.deepcopy(classifier)
    optimiser = torch.optim.AdamW(classifier.parameters(), 3e-3, weight_decay=0.02, fused=True)
    started = time.monotonic()
    for batch in Batches(train, 128, arguments.seed).stream(0, ahead=False):
        share = (time.monotonic() - started) / (60 * arguments.minutes)
        if share >= 1:
            break
        optimiser.param_groups[0]["lr"] = 3e-3 * min(1, 20 * share) * (1 - share)
        assert batch.labels is not None
        logits = classifier(distorted(batch.images, generator))
        F.cross_entropy(logits, batch.labels, label_smoothing=0.05).backward()
        optimiser.step()
        optimiser.zero_grad()
        with torch.no_grad():
            pairs = zip(
                averaged.state_dict().values(), classifier.state_dict().values(), strict=True
            )
            for slow, fast in pairs:
                slow.lerp_(fast, 0.005) if slow.is_floating_point() else slow.copy_(fast)
    state = {k: v.half() if v.is_floating_point() else v for k, v in averaged.state_dict().items()}
    averaged.load_state_dict(state)  # evaluated in half precision, as it is stored
    assert test.labels is not None
    with torch.inference_mode():
        logits = averaged.eval()(to_tensor(test.read(np.arange(len(test)))))
    right = (logits.argmax(1) == torch.from_numpy(test.labels)).float().mean().item()
    write_atomic(arguments.out, save({k: v.contiguous() for k, v in state.items()}))
    size = arguments.out.stat().st_size
    print(json.dumps({"test_accuracy": round(right, 4), "bytes": size, "out": str(arguments.out)}))


if __name__ == "__main__":
    main()
