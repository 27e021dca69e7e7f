"""How fast dreams are, and how far a channel's dream moves the network's own answer.

    python benchmarks/dream.py [--rounds 3] [--backbone inception_v3]

Ours beside the plain form, in turns in one run: the whole network forward, float32, memory in the
usual order. 448×300, 4 octaves of 10 steps, scikit-image's chelsea. A network other than
EfficientNet-Lite0 has random weights, which take as long. Then, for EfficientNet: the activation of
a channel before and after a dream of it, and after a random change of the same size.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import skimage.data
import torch
from PIL import Image
from torch import Tensor

from reverie import images
from reverie.core.precision import bf16_is_native
from reverie.inference.dream.ascent import dream_steps
from reverie.inference.dream.objectives import DreamObjective, channel, l2
from reverie.inference.dream.settings import DEFAULT_LAYERS
from reverie.inference.options import DreamOptions
from reverie.nn.backbones.backbone import ARCHITECTURES, Backbone, find_backbone
from reverie.nn.fuse import fuse_backbone
from reverie.runs.environment import machine

CHANNELS = (("_blocks.8", 10), ("_blocks.10", 20), ("_blocks.10", 60), ("_blocks.13", 5))


@dataclass(frozen=True)
class Whole(Backbone):
    """Runs the whole network, whatever was asked for."""

    def activations(self, pictures: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        hooks = [
            self.layer(name).register_forward_hook(
                lambda module, inputs, output, name=name: found.update({name: output})
            )
            for name in layers
        ]
        self.network(self.prepare(pictures))
        for hook in hooks:
            hook.remove()
        return found


def picture() -> Tensor:
    whole = Image.fromarray(skimage.data.chelsea()).resize((448, 300))
    return images.to_tensor(np.asarray(whole)[None]).contiguous()


def last(backbone: Backbone, objective: DreamObjective, options: DreamOptions) -> Tensor:
    made = picture()
    for moment in dream_steps(backbone, made, objective, options):
        made = moment.image
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbone", default="efficientnet")
    arguments = parser.parse_args()
    name = arguments.backbone
    if name == "efficientnet":
        backbone = find_backbone(name)
    else:
        build, prepare = ARCHITECTURES[name]
        backbone = Backbone(name, build().eval().requires_grad_(False), prepare)
    low = bf16_is_native("cpu")
    plain = Whole(backbone.name, backbone.network, backbone.prepare)
    ways = {"plain": plain, "ours": fuse_backbone(backbone, low)}
    objective = DreamObjective(())
    for layer in DEFAULT_LAYERS[name]:
        objective = objective + l2(layer)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(arguments.rounds + 1):
        for way, network in ways.items():
            started = time.perf_counter()
            last(network, objective, DreamOptions())
            if number:
                seconds[way].append(time.perf_counter() - started)
    medians = {way: round(statistics.median(values), 2) for way, values in seconds.items()}
    row = {"backbone": name, "layers": DEFAULT_LAYERS[name], "seconds": medians}
    row |= {"times_as_fast": round(medians["plain"] / medians["ours"], 2), "machine": machine()}
    print(json.dumps(row), flush=True)
    if name != "efficientnet":
        return
    for layer, number in CHANNELS:
        goal = channel(layer, number)

        def answer(x: Tensor, goal: DreamObjective = goal) -> float:
            with torch.no_grad():
                return float(goal(backbone.activations(x, goal.layers)))

        before = picture()
        after = last(ways["ours"], goal, DreamOptions())
        noise = torch.randn(before.shape, generator=torch.Generator().manual_seed(0))
        random = (before + noise * (after - before).norm() / noise.norm()).clamp(-1, 1)
        values = {"before": answer(before), "dream": answer(after), "random": answer(random)}
        moves = [values[way] - values["before"] for way in ("dream", "random")]
        row = {"channel": f"{layer}:{number}"} | {k: round(v, 3) for k, v in values.items()}
        print(json.dumps(row | {"factor": round(moves[0] / abs(moves[1]), 1)}), flush=True)


if __name__ == "__main__":
    main()
