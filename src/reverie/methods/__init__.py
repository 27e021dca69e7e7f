"""Every method, by name. A new method is one file and one line here."""

from reverie.methods.base import (
    Denoises,
    Encodes,
    Method,
    MethodOptions,
    Phase,
    Samples,
    Translates,
    Upscales,
)
from reverie.methods.diffusion.diffusion import Diffusion
from reverie.methods.gan.cgan import CGAN
from reverie.methods.gan.dcgan import DCGAN
from reverie.methods.gan.gan import GAN
from reverie.methods.gan.inversion import GANInversion
from reverie.methods.superres.esrgan import ESRGAN
from reverie.methods.superres.pretrained import PretrainedUpscaler
from reverie.methods.superres.srgan import SRGAN
from reverie.methods.superres.srresnet import SRResNet
from reverie.methods.translation.cut import CUT
from reverie.methods.translation.cyclegan import CycleGAN
from reverie.methods.translation.pix2pix import Pix2Pix
from reverie.methods.translation.pretrained import PretrainedTranslator
from reverie.methods.vae import VAE

METHODS: dict[str, type[Method]] = {
    "vae": VAE,
    "gan": GAN,
    "dcgan": DCGAN,
    "cgan": CGAN,
    "diffusion": Diffusion,
    "cyclegan": CycleGAN,
    "pix2pix": Pix2Pix,
    "cut": CUT,
    "srresnet": SRResNet,
    "srgan": SRGAN,
    "esrgan": ESRGAN,
    "encoder": GANInversion,
}

LOADABLE: dict[str, type[Method]] = METHODS | {
    "translator": PretrainedTranslator,
    "upscaler": PretrainedUpscaler,
}
"""What a model folder may hold: the methods, and what came from elsewhere."""

__all__ = [
    "LOADABLE",
    "METHODS",
    "Denoises",
    "Encodes",
    "Method",
    "MethodOptions",
    "Phase",
    "Samples",
    "Translates",
    "Upscales",
]
