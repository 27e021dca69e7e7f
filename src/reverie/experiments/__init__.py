"""Experiments by name: the figures of the field's classic projects, each made by one command.

An experiment is imported when it is used, so that the names are known without PyTorch.
"""

from typing import TYPE_CHECKING

from reverie.core.plugins import Registry, not_a

if TYPE_CHECKING:
    from reverie.experiments.experiment import Experiment

EXPERIMENTS: "Registry[Experiment]" = Registry(
    "experiment",
    "reverie.experiments",
    {
        "vae-latents": "reverie.experiments.latent_sizes:VAE_LATENTS",
        "gan-latents": "reverie.experiments.latent_sizes:GAN_LATENTS",
        "diffusion-steps": "reverie.experiments.diffusion_steps:DIFFUSION_STEPS",
        "generators": "reverie.experiments.generators:GENERATORS",
        "dcgan-collapse": "reverie.experiments.dcgan_collapse:DCGAN_COLLAPSE",
        "emoji": "reverie.experiments.emoji:EMOJI",
        "emoji-matched": "reverie.experiments.emoji_matched:EMOJI_MATCHED",
        "emoji-matched-64": "reverie.experiments.emoji_matched:EMOJI_MATCHED_64",
        "emoji-free": "reverie.experiments.emoji_matched:EMOJI_FREE",
        "emoji-free-64": "reverie.experiments.emoji_matched:EMOJI_FREE_64",
        "glasses": "reverie.experiments.glasses:GLASSES",
        "men-women": "reverie.experiments.men_women:MEN_WOMEN",
        "earth": "reverie.experiments.earth:EARTH",
        "face-sums": "reverie.experiments.face_sums:FACE_SUMS",
        "face-sums-64": "reverie.experiments.face_sums:FACE_SUMS_64",
        "colours": "reverie.experiments.derived_pairs:COLOURS",
        "drawings": "reverie.experiments.derived_pairs:DRAWINGS",
        "super-resolution": "reverie.experiments.super_resolution:SUPER_RESOLUTION",
        "dreams": "reverie.experiments.dreams:DREAMS",
    },
    not_a("reverie.experiments.experiment:Experiment"),
)
