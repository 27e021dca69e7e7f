"""Known good recipes, by method and name: functions that return a `Recipe`.

`paper` is the original recipe; a method's defaults are the best we know (`modern`).
"""

from collections.abc import Callable

from reverie.core.errors import UserError, nearest
from reverie.methods import METHODS
from reverie.methods.preset_recipes import (
    cgan_paper,
    cut_emoji_small,
    cut_paper,
    cyclegan_emoji_small,
    cyclegan_faces_small,
    cyclegan_paper,
    dcgan_faces_small,
    dcgan_paper,
    digits_cgan,
    digits_dcgan,
    digits_diffusion,
    digits_gan,
    digits_vae,
    encoder_faces_small,
    fastcut,
    modern,
    pix2pix_emoji_small,
    pix2pix_paper,
    srgan_paper,
    srgan_photos_small,
    srresnet_paper,
    srresnet_photos,
    srresnet_photos_small,
    upscaling,
    vae_faces_small,
)
from reverie.methods.recipe import Recipe, find_method

DEFAULTS: dict[str, Callable[[], Recipe]] = {
    "cyclegan": cyclegan_paper,
    "pix2pix": pix2pix_paper,
    "cut": cut_paper,
    "srresnet": lambda: upscaling("srresnet"),
    "srgan": lambda: upscaling("srgan"),
    "esrgan": lambda: upscaling("esrgan"),
}
"""What a method begins from where its options' defaults are not enough."""


PRESETS: dict[str, dict[str, Callable[[], Recipe]]] = {
    "vae": {
        "digits-2": lambda: digits_vae(2),
        "digits-4": lambda: digits_vae(4),
        "digits-8": lambda: digits_vae(8),
        "digits-20": lambda: digits_vae(20),
        "faces-small": vae_faces_small,
    },
    "gan": {
        "digits-2": lambda: digits_gan(2),
        "digits-4": lambda: digits_gan(4),
        "digits-8": lambda: digits_gan(8),
        "digits-64": lambda: digits_gan(64),
    },
    "dcgan": {
        "digits": digits_dcgan,
        "faces-small": dcgan_faces_small,
        "modern": lambda: modern("dcgan"),
        "paper": dcgan_paper,
    },
    "diffusion": {
        "digits": lambda: digits_diffusion("flow"),
        "digits-edm": lambda: digits_diffusion("edm"),
        "digits-v": lambda: digits_diffusion("v"),
        "digits-ddpm": lambda: digits_diffusion("ddpm"),
    },
    "cgan": {"digits": digits_cgan, "modern": lambda: modern("cgan"), "paper": cgan_paper},
    "cyclegan": {
        "emoji-small": cyclegan_emoji_small,
        "faces-small": cyclegan_faces_small,
        "paper": cyclegan_paper,
    },
    "pix2pix": {"emoji-small": pix2pix_emoji_small, "paper": pix2pix_paper},
    "cut": {"emoji-small": cut_emoji_small, "fast": fastcut, "paper": cut_paper},
    "srresnet": {
        "paper": srresnet_paper,
        "photos": srresnet_photos,
        "photos-small": srresnet_photos_small,
    },
    "srgan": {"paper": srgan_paper, "photos-small": srgan_photos_small},
    "esrgan": {},
    "encoder": {"faces-small": encoder_faces_small},
}


def recipe_for(method: str, preset: str | None = None) -> Recipe:
    """A method's recipe: the named preset, or its defaults.

    Raises:
        UserError: if there is no such method or preset.
    """
    method = find_method(method)
    if preset is None and method in DEFAULTS:
        return DEFAULTS[method]()
    if preset is None:
        return Recipe(method=method, options=METHODS[method].Options())
    if preset not in PRESETS[method]:
        raise UserError(f"{method} has no preset {preset!r}; {nearest(preset, PRESETS[method])}")
    return PRESETS[method][preset]()
