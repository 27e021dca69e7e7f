"""Speed of deep dreams, and the increase of the activation that is maximised.

    python benchmarks/dream.py [--rounds 3] [--backbone inception_v3]

Ours beside the plain form, taking turns in one run: the forward pass of the whole network, float32,
contiguous memory format. 448×300 pixels, 4 octaves of 10 steps, scikit-image's chelsea. Networks
other than EfficientNet-Lite0 have random weights, which does not change the time. Then, for
EfficientNet: the activation of a channel before and after a dream that maximises it, and after a
random change of the same norm.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import skimage.data
import torch
from measuring import Form, comparison, take_turns
from PIL import Image
from torch import Tensor

from reverie import images
from reverie.core.precision import bf16_is_native
from reverie.inference.dream.ascent import dream_steps
from reverie.inference.dream.objectives import DreamObjective, channel, l2
from reverie.inference.options import DreamOptions
from reverie.nn.backbones import BACKBONES, find_backbone
from reverie.nn.backbones.backbone import Backbone
from reverie.nn.fuse import fuse_backbone
from reverie.runs.environment import machine

CHANNELS = (("_blocks.8", 10), ("_blocks.10", 20), ("_blocks.10", 60), ("_blocks.13", 5))


@dataclass(frozen=True)
class PlainBackbone(Backbone):
    """A backbone whose forward pass always runs the whole network."""

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        hooks = [
            self.layer(name).register_forward_hook(
                lambda module, inputs, output, name=name: found.update({name: output})
            )
            for name in layers
        ]
        self.network(self.prepare(images))
        for hook in hooks:
            hook.remove()
        return found


def test_image() -> Tensor:
    """The image that is dreamt on, [1, 3, 300, 448] in [-1, 1]."""
    resized = Image.fromarray(skimage.data.chelsea()).resize((448, 300))
    return images.to_tensor(np.asarray(resized)[None]).contiguous()


def last(backbone: Backbone, objective: DreamObjective, options: DreamOptions) -> Tensor:
    """The image after the last step of a dream."""
    image = test_image()
    for step in dream_steps(backbone, image, objective, options):
        image = step.image
    return image


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbone", default="efficientnet")
    arguments = parser.parse_args()
    name = arguments.backbone
    if name == "efficientnet":
        backbone = find_backbone(name)
    else:
        spec = BACKBONES.find(name)
        network = spec.build().eval().requires_grad_(False)
        backbone = Backbone(name, network, spec.preprocess, default_layers=spec.default_layers)
    low = bf16_is_native("cpu")
    plain = PlainBackbone(backbone.name, backbone.network, backbone.prepare)
    variants = {"plain": plain, "ours": fuse_backbone(backbone, low)}
    objective = DreamObjective(())
    for layer in backbone.default_layers:
        objective = objective + l2(layer)
    forms = {
        variant: Form(run=partial(last, network, objective, DreamOptions()))
        for variant, network in variants.items()
    }
    times = take_turns({variant: form.run for variant, form in forms.items()}, arguments.rounds)
    row = comparison("dream", backbone.name, forms, "plain", times)
    print(json.dumps(row | {"layers": backbone.default_layers, "machine": machine()}), flush=True)
    if name != "efficientnet":
        return
    for layer, number in CHANNELS:
        target = channel(layer, number)

        def activation(x: Tensor, target: DreamObjective = target) -> float:
            with torch.no_grad():
                return float(target(backbone.activations(x, target.layers)))

        before = test_image()
        after = last(variants["ours"], target, DreamOptions())
        noise = torch.randn(before.shape, generator=torch.Generator().manual_seed(0))
        random = (before + noise * (after - before).norm() / noise.norm()).clamp(-1, 1)
        images_of = {"before": before, "dream": after, "random": random}
        values = {name: activation(image) for name, image in images_of.items()}
        changes = [values[name] - values["before"] for name in ("dream", "random")]
        row = {"channel": f"{layer}:{number}"} | {k: round(v, 3) for k, v in values.items()}
        print(json.dumps(row | {"factor": round(changes[0] / abs(changes[1]), 1)}), flush=True)


if __name__ == "__main__":
    main()
