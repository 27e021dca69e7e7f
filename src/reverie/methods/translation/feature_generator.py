"""Generator that decodes the features of a pretrained classifier, for few training images.

The encoder is EfficientNet-Lite0 with its ImageNet weights, which stay as they are; the decoder is
a feature pyramid (Lin et al. 2017): from coarse to fine, each stage's features are added to the
enlarged map of the coarser one. What an image shows is known before the training, so that it has to
learn only how that looks: a few hundred photographs suffice for colourization.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.image_io import with_luma_of
from reverie.nn.backbones.efficientnet import (
    EfficientNetLite,
    efficientnet,
    efficientnet_preprocess,
)
from reverie.nn.norms import NormName, norm_layer

FINE = 16
"""Channels at full resolution."""


class FeatureGenerator(nn.Module):
    """Decoder of EfficientNet-Lite0's features, from an image in [-1, 1] to one of the same size.

    Args:
        inputs, outputs: channels of the input and the output image.
        width: channels of the feature pyramid.
        norm: normalization before each of its activations.
        keeps_luma: give the output the input's luma, so that only colours are generated; RGB alone.
    """

    multiple = 32

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 64,
        norm: NormName = "group",
        keeps_luma: bool = False,
    ) -> None:
        super().__init__()
        self.keeps_luma = keeps_luma
        self.encoder = _pretrained()
        stages = self.encoder.stages
        self.lateral = nn.ModuleList(nn.Conv2d(stage.channels, width, 1) for stage in stages)
        self.mixers = nn.ModuleList(
            nn.Sequential(
                norm_layer(norm, width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, 1, 1),
                norm_layer(norm, width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, 1, 1),
            )
            for _ in stages
        )
        self.fine = nn.Conv2d(width, FINE, 1)
        self.head = nn.Sequential(
            nn.Conv2d(FINE + inputs, FINE, 3, 1, 1), nn.ReLU(), nn.Conv2d(FINE, outputs, 3, 1, 1)
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h w"]:
        y: Tensor | None = None
        stages = zip(self._features(x), self.lateral, self.mixers, strict=True)
        for features, lateral, mixer in reversed(list(stages)):
            one = lateral(features)
            if y is not None:
                one = one + F.interpolate(y, one.shape[2:], mode="bilinear")
            y = one + mixer(one)
        assert y is not None
        fine = F.interpolate(self.fine(y), x.shape[2:], mode="bilinear")
        made = self.head(torch.cat([fine, x.to(fine.dtype)], 1)).tanh()
        return with_luma_of(made, x) if self.keeps_luma else made

    def _features(self, x: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """The stages' features, each image's with a mean square of 1, from fine to coarse."""
        maps = self.encoder.maps(efficientnet_preprocess(x))
        return [f * (f.float().square().mean((1, 2, 3), keepdim=True) + 1e-6).rsqrt() for f in maps]

    def train(self, mode: bool = True) -> "FeatureGenerator":
        super().train(mode)
        self.encoder.eval()  # its norms keep the statistics of ImageNet
        return self


def _pretrained() -> EfficientNetLite:
    """The stages of EfficientNet-Lite0, whose weights are buffers: no training changes them.

    Without the package of its weights, or on a device without memory, they have no values yet: a
    model's file brings its own, and `require_features` refuses to train.
    """
    network = EfficientNetLite(0)
    del network._conv_head, network._bn1, network._fc
    if not next(network.parameters()).is_meta:
        try:
            weights = efficientnet(0).state_dict()
        except UserError:
            weights = {}
        network.load_state_dict(weights, strict=False)
    for module in network.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, weight.detach())
    return network.eval()


def require_features() -> None:
    """Raise a UserError if the weights of EfficientNet-Lite0 are not installed."""
    efficientnet(0)
