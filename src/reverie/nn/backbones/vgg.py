"""VGG16 and VGG19 (Simonyan and Zisserman 2014), with torchvision's layer names."""

from jaxtyping import Float
from torch import Tensor, nn

from reverie.nn.backbones.backbone import BackboneSpec, imagenet_normalize
from reverie.nn.dropout import Dropout

CLASSES = 1000


CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Convolutions at each resolution; channels double from 64 to 512."""


class VGG(nn.Module):
    """Images [B, 3, H, W], normalized as in torchvision, to logits of 1000 classes.

    Args:
        convolutions: number of convolutions at each of the five resolutions.
        with_head: whether to build the linear layers, 124 of VGG19's 144 million parameters.
    """

    def __init__(self, convolutions: tuple[int, ...], with_head: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        now = 3
        for stage, count in enumerate(convolutions):
            channels = min(64 * 2**stage, 512)
            for _ in range(count):
                layers += [nn.Conv2d(now, channels, 3, 1, 1), nn.ReLU()]
                now = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential()
        if with_head:
            self.classifier = nn.Sequential(
                nn.Linear(now * 49, 4096), nn.ReLU(), Dropout(),
                nn.Linear(4096, 4096), nn.ReLU(), Dropout(),
                nn.Linear(4096, CLASSES),
            )  # fmt: skip

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b k"]:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


VGG16 = BackboneSpec(
    build=lambda: VGG(CONVOLUTIONS["vgg16"], with_head=False),
    preprocess=imagenet_normalize,
    default_layers=("features.28",),
)
VGG19 = BackboneSpec(
    build=lambda: VGG(CONVOLUTIONS["vgg19"], with_head=False),
    preprocess=imagenet_normalize,
    default_layers=("features.28",),
    content_layers=("features.34",),  # φ5,4 before its activation
)
