"""Every method by name. A new one is one file and one line here, or an entry point elsewhere.

A method is imported when it is used, so that the names are known without PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from reverie.core.plugins import Registry
from reverie.methods.options import MethodOptions

if TYPE_CHECKING:
    from reverie.methods.base import Method, Phase, Preview
    from reverie.methods.capabilities import Denoises, Encodes, Samples, Translates, Upscales


def _flaw_of(thing: object) -> str | None:
    from reverie.methods.base import flaw_of

    return flaw_of(thing)


METHODS: "Registry[type[Method]]" = Registry(
    "method",
    "reverie.methods",
    {
        "vae": "reverie.methods.vae:VAE",
        "gan": "reverie.methods.gan.gan:GAN",
        "dcgan": "reverie.methods.gan.dcgan:DCGAN",
        "cgan": "reverie.methods.gan.cgan:CGAN",
        "diffusion": "reverie.methods.diffusion.diffusion:Diffusion",
        "cyclegan": "reverie.methods.translation.cyclegan:CycleGAN",
        "pix2pix": "reverie.methods.translation.pix2pix:Pix2Pix",
        "cut": "reverie.methods.translation.cut:CUT",
        "srresnet": "reverie.methods.superres.srresnet:SRResNet",
        "srgan": "reverie.methods.superres.srgan:SRGAN",
        "esrgan": "reverie.methods.superres.esrgan:ESRGAN",
        "encoder": "reverie.methods.gan.inversion:GANInversion",
    },
    _flaw_of,
)

PRETRAINED: "Registry[type[Method]]" = Registry(
    "pretrained network",
    "reverie.pretrained",
    {
        "translator": "reverie.methods.translation.pretrained:PretrainedTranslator",
        "upscaler": "reverie.methods.superres.pretrained:PretrainedUpscaler",
    },
    _flaw_of,
)
"""Networks whose weights were trained elsewhere: they are used, not trained."""

_HOMES = dict.fromkeys(["Method", "Phase", "Preview"], "reverie.methods.base") | dict.fromkeys(
    ["Denoises", "Encodes", "Samples", "Translates", "Upscales"], "reverie.methods.capabilities"
)

__all__ = [
    "METHODS",
    "PRETRAINED",
    "Denoises",
    "Encodes",
    "Method",
    "MethodOptions",
    "Phase",
    "Preview",
    "Samples",
    "Translates",
    "Upscales",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'reverie.methods' has no attribute {name!r}")
