"""Every method by name. A new one is one file and one line here, or an entry point elsewhere."""

from reverie.core.plugins import Registry
from reverie.methods.base import Method, Phase, Preview, flaw_of
from reverie.methods.capabilities import Denoises, Encodes, Samples, Translates, Upscales
from reverie.methods.diffusion.diffusion import Diffusion
from reverie.methods.gan.cgan import CGAN
from reverie.methods.gan.dcgan import DCGAN
from reverie.methods.gan.gan import GAN
from reverie.methods.gan.inversion import GANInversion
from reverie.methods.options import MethodOptions
from reverie.methods.superres.esrgan import ESRGAN
from reverie.methods.superres.pretrained import PretrainedUpscaler
from reverie.methods.superres.srgan import SRGAN
from reverie.methods.superres.srresnet import SRResNet
from reverie.methods.translation.cut import CUT
from reverie.methods.translation.cyclegan import CycleGAN
from reverie.methods.translation.pix2pix import Pix2Pix
from reverie.methods.translation.pretrained import PretrainedTranslator
from reverie.methods.vae import VAE

METHODS: Registry[type[Method]] = Registry(
    "method",
    "reverie.methods",
    {
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
    },
    flaw_of,
)

PRETRAINED: dict[str, type[Method]] = {
    "translator": PretrainedTranslator,
    "upscaler": PretrainedUpscaler,
}
"""Networks whose weights were trained elsewhere: they are used, not trained."""

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
