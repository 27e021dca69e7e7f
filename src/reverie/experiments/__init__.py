"""Experiments by name: the figures of the field's classic projects, each made by one command."""

from reverie.core.plugins import Registry, not_a
from reverie.experiments.dcgan_collapse import DCGAN_COLLAPSE
from reverie.experiments.derived import DERIVED
from reverie.experiments.diffusion_steps import DIFFUSION_STEPS
from reverie.experiments.dreams import DREAMS
from reverie.experiments.earth import EARTH
from reverie.experiments.emoji import EMOJI
from reverie.experiments.experiment import Experiment
from reverie.experiments.face_sums import FACE_SUMS
from reverie.experiments.generators import GENERATORS
from reverie.experiments.glasses import GLASSES
from reverie.experiments.latent_sizes import GAN_LATENTS, VAE_LATENTS
from reverie.experiments.men_women import MEN_WOMEN
from reverie.experiments.super_resolution import SUPER_RESOLUTION

EXPERIMENTS: Registry[Experiment] = Registry(
    "experiment",
    "reverie.experiments",
    {
        "vae-latents": VAE_LATENTS,
        "gan-latents": GAN_LATENTS,
        "diffusion-steps": DIFFUSION_STEPS,
        "generators": GENERATORS,
        "dcgan-collapse": DCGAN_COLLAPSE,
        "emoji": EMOJI,
        "glasses": GLASSES,
        "men-women": MEN_WOMEN,
        "earth": EARTH,
        "derived": DERIVED,
        "face-sums": FACE_SUMS,
        "super-resolution": SUPER_RESOLUTION,
        "dreams": DREAMS,
    },
    not_a(Experiment),
)
