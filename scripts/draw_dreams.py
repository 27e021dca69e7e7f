"""Write the images of docs/dreams.md.

    python scripts/draw_dreams.py [FOLDER]

The photographs are scikit-image's (public domain or CC0).
"""

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image
from torch import Tensor

import reverie
from reverie import images
from reverie.core.files import write_atomic
from reverie.core.precision import bf16_is_native
from reverie.inference.dream.ascent import dream_steps
from reverie.inference.dream.objectives import l2
from reverie.inference.options import DreamOptions
from reverie.nn.backbones import find_backbone
from reverie.nn.fuse import fuse_backbone

LAYERS = ["_blocks.0", "_blocks.2", "_blocks.4", "_blocks.6",
          "_blocks.8", "_blocks.10", "_blocks.13", "_blocks.15"]  # fmt: skip
SIZE = (320, 212)


def photo(name: str) -> Tensor:
    """A photograph, cropped and resized to `SIZE`, [1, 3, H, W] in [-1, 1]."""
    whole = Image.fromarray(getattr(skimage.data, name)())
    width, height = whole.size
    tall = min(height, round(width * SIZE[1] / SIZE[0]))
    cropped = whole.crop((0, 0, round(tall * SIZE[0] / SIZE[1]), tall)).resize(SIZE)
    return images.to_tensor(np.asarray(cropped)[None])


def sheet(shown: list[Tensor], path: Path, columns: int) -> None:
    """Write several images as one WebP file."""
    pixels = images.grid(torch.cat(shown), columns)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=80)
    write_atomic(path, buffer.getvalue())


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    backbone = fuse_backbone(find_backbone("efficientnet"), bf16_is_native("cpu"))
    cat, cup = photo("chelsea"), photo("coffee")

    def dreamt(image: Tensor, layer: str) -> Tensor:
        steps = dream_steps(backbone, image, l2(layer), DreamOptions())
        return list(steps)[-1].image

    sheet([cat, *(dreamt(cat, layer) for layer in LAYERS)], out / "dreams-layers.webp", 3)
    ends = {s.octave: s.image for s in dream_steps(backbone, cat, l2("_blocks.10"), DreamOptions())}
    octaves = [
        torch.nn.functional.interpolate(p, cat.shape[-2:], mode="nearest") for p in ends.values()
    ]
    sheet(octaves, out / "dreams-octaves.webp", 4)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        images.save(cup[0], place / "cup.png")
        images.save(cat[0], place / "cat.png")
        reverie.dream(place / "cup.png", out=place / "plain.png", layers=["_blocks.10"])
        reverie.dream(
            place / "cup.png", out=place / "guided.png", guide=place / "cat.png",
            layers=["_blocks.10"],
        )  # fmt: skip
        made = [
            images.to_tensor(images.read(place / f"{n}.png")[None]) for n in ("plain", "guided")
        ]
        sheet([cup, made[0], cat, made[1]], out / "dreams-guided.webp", 4)
        reverie.dream(
            place / "cup.png", out=place / "film", film=24, zoom=1.3, rate=8.0, octaves=2, steps=4
        )
        frames = [
            images.to_tensor(images.read(place / "film" / f"{n:05d}.png")[None])
            for n in (0, 6, 12, 23)
        ]
        sheet(frames, out / "dreams-film.webp", 4)


if __name__ == "__main__":
    main()
