"""Every method, by name. A new method is one file and one line here."""

from reverie.methods.cgan import CGAN
from reverie.methods.contract import Denoises, Encodes, Method, MethodOptions, Phase, Samples
from reverie.methods.dcgan import DCGAN
from reverie.methods.diffusion import Diffusion
from reverie.methods.gan import GAN
from reverie.methods.vae import VAE

METHODS: dict[str, type[Method]] = {
    "vae": VAE,
    "gan": GAN,
    "dcgan": DCGAN,
    "cgan": CGAN,
    "diffusion": Diffusion,
}

__all__ = ["METHODS", "Denoises", "Encodes", "Method", "MethodOptions", "Phase", "Samples"]
