"""Train the digit classifier that the package ships, and print how many test digits it recognises.

    python scripts/train_digit_classifier.py [--minutes 6] [--out src/reverie/metrics]

It sees the 8,000 training digits alone, turned, scaled, sheared and shifted a little each time.
"""

import argparse
import copy
import json
import math
import time
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from reverie.core.files import write_atomic
from reverie.core.image_io import to_tensor
from reverie.data import Batches, DataOptions, open_dataset
from reverie.evaluation.metrics.digits import WEIGHTS, DigitClassifier


def distorted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn by up to 14°, scale and shear by 15 %, shift by 2 pixels."""
    count = len(images)

    def between(reach: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * reach

    angle, shear = between(math.radians(14)), between(0.15)
    wide, tall = 1 + between(0.15), 1 + between(0.15)
    theta = torch.stack(
        [
            torch.stack([angle.cos() * wide, -angle.sin() * tall + shear, between(2 / 14)], 1),
            torch.stack([angle.sin() * wide, angle.cos() * tall, between(2 / 14)], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    train = open_dataset(DataOptions(data="digits"))
    test = open_dataset(DataOptions(data="digits", split="test"))
    classifier = DigitClassifier().to(memory_format=torch.channels_last)
    averaged = copy.deepcopy(classifier)
    optimiser = torch.optim.AdamW(classifier.parameters(), 3e-3, weight_decay=0.02, fused=True)
    started = time.monotonic()
    for batch in Batches(train, 128, arguments.seed).stream(0, ahead=False):
        share = (time.monotonic() - started) / (60 * arguments.minutes)
        if share >= 1:
            break
        optimiser.param_groups[0]["lr"] = 3e-3 * min(1, 20 * share) * (1 - share)
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
    averaged.load_state_dict(state)  # judged as it is shipped, in half precision
    with torch.inference_mode():
        logits = averaged.eval()(to_tensor(test.read(range(len(test)))))
    right = (logits.argmax(1) == torch.from_numpy(test.labels)).float().mean().item()
    write_atomic(arguments.out, save({k: v.contiguous() for k, v in state.items()}))
    size = arguments.out.stat().st_size
    print(json.dumps({"test_accuracy": round(right, 4), "bytes": size, "out": str(arguments.out)}))


if __name__ == "__main__":
    main()
