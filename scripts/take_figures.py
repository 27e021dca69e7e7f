"""Take the pictures of `reverie reproduce` into `docs/figures`, as WebP.

    python scripts/take_figures.py [--reproduced FOLDER]

Experiments that are not in the folder keep the pictures that the docs have. Apple's emojis are
left out: they are not free.
"""

import argparse
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image

OUT = Path(__file__).parents[1] / "docs" / "figures"
PICTURES = {
    "vae-latents": ["reconstructions", "plane", "loss"],
    "gan-latents": ["samples", "generator"],
    "diffusion-steps": ["training", "forward", "reverse"],
    "generators": ["samples"],
    "dcgan-collapse": ["samples", "generator"],
    "colours": ["held-out", "others"],
    "drawings": ["held-out", "others"],
    "emoji-free": ["ab"],
    "emoji-free-64": ["ab"],
    "men-women": ["ab", "ba"],
    "earth": ["earth"],
    "face-sums": [
        f"{name}-{model}"
        for name in ("men-glasses", "women-glasses", "hat-mustache")
        for model in ("vae", "dcgan")
    ],
    "face-sums-64": ["men-glasses-vae", "women-glasses-vae", "hat-mustache-vae"],
    "super-resolution": ["crops"],
}
QUALITY = 75


def take(picture: Path, target: Path) -> None:
    """Write a picture as WebP, with or without loss, whichever is smaller."""
    ways = []
    with Image.open(picture) as image:
        for lossless in (True, False):
            content = BytesIO()
            whole = image.convert("RGB")
            whole.save(content, "WEBP", lossless=lossless, quality=QUALITY, method=6)
            ways.append(content.getvalue())
    target.write_bytes(min(ways, key=len))


def main() -> int:
    parser = argparse.ArgumentParser(description="Take pictures of experiments into the docs.")
    parser.add_argument("--reproduced", type=Path, default=Path("reproduced"))
    folder = parser.parse_args().reproduced
    OUT.mkdir(parents=True, exist_ok=True)
    for experiment, names in PICTURES.items():
        for name in names:
            picture = folder / experiment / f"{name}.png"
            if picture.is_file():
                take(picture, OUT / f"{experiment}-{name}.webp")
                print(OUT / f"{experiment}-{name}.webp")
    return 0


if __name__ == "__main__":
    sys.exit(main())
