"""Every method, by name. A new method is one file and one line here."""

from reverie.methods.cgan import CGAN
from reverie.methods.contract import (
    Denoises,
    Encodes,
    Method,
    MethodOptions,
    Phase,
    Samples,
    Translates,
    Upscales,
)
from reverie.methods.cut import CUT
from reverie.methods.cyclegan import CycleGAN
from reverie.methods.dcgan import DCGAN
from reverie.methods.diffusion import Diffusion
from reverie.methods.encoder import Encoder
from reverie.methods.esrgan import ESRGAN
from reverie.methods.gan import GAN
from reverie.methods.pix2pix import Pix2Pix
from reverie.methods.srgan import SRGAN
from reverie.methods.srresnet import SRResNet
from reverie.methods.translator import Translator
from reverie.methods.upscaler import FromElsewhere
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
    "encoder": Encoder,
}

LOADABLE: dict[str, type[Method]] = METHODS | {
    "translator": Translator,
    "upscaler": FromElsewhere,
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
