"""Which images are read, and how they are preprocessed: the options of every training."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

from reverie.core.image_size import Resize, SizeForm
from reverie.core.options import RESUMABLE, AtLeast, AtMost, Checked, Direction, PairBy

# One union with None: tyro warns of defaults that are in a union inside of another.
OptionalSize = Annotated[
    int | str | tuple[int, int] | None, SizeForm(), tyro.conf.arg(metavar=SizeForm.words)
]


@dataclass(frozen=True, kw_only=True)
class DataOptions(Checked):
    """Dataset and preprocessing."""

    data: str | None = field(default=None, metadata=RESUMABLE)
    """Dataset: a folder, a table (.csv), an array (.npz, .npy), a .parquet or IDX file, or the
    name of a dataset, of which `reverie data list` has all."""
    image_size: OptionalSize = None
    """Side of square images in pixels, or WIDTHxHEIGHT as 96x64; by default the dataset's own, or
    64 for folders."""
    channels: Literal["auto", "1", "3"] = "auto"
    """1 for grayscale, 3 for RGB; auto is derived from the images."""
    resize: Resize = "crop"
    """How images get this shape: crop the centre, squash, or pad with white; or take a random crop
    after resizing to this width (width) or without resizing (none)."""
    jitter: Annotated[float, AtLeast(0), AtMost(4)] = 0.0
    """Resize to a size larger by this fraction, then crop at random: 0.117 is 286 for 256."""
    data_b: str | None = field(default=None, metadata=RESUMABLE)
    """Translation: the folder of domain B, where --data is that of A. Super-resolution: the
    low-resolution images; by default they are downscaled from --data."""
    where: str | None = None
    """Only images with these attributes or of these classes: Smiling & !Male, or cat | dog."""
    domain_a: str | None = None
    """Translation: the images of domain A, by attributes or classes: Male & !Eyeglasses."""
    domain_b: str | None = None
    """Translation: the images of domain B, by attributes or classes: Male & Eyeglasses."""
    pair_by: PairBy | None = None
    """Translation: make each input from its target, so that any images have pairs: grey to colour,
    edges (a line drawing) to photograph, lowres (a quarter of the size) or blur to sharp."""
    direction: Direction = "ab"
    """Translation: ba swaps the domains A and B."""
    split: Literal["train", "test", "all"] = "train"
    """Split, of a dataset that has a training and a test split."""
    label_column: str | None = None
    """Column of a table or a .parquet file that holds the class."""
    flip: bool = False
    """Random horizontal flip with probability 1/2."""
    rotate: bool = False
    """Random quarter turns of square images: for super-resolution, textures, aerial images."""
    crop_candidates: Annotated[int, AtLeast(1), AtMost(16)] = 1
    """Random crops: of this many, take the one with most detail; more than 1 avoids sky and
    walls."""
    decode: Literal["fast", "exact"] = "fast"
    """How large JPEGs are decoded: fast, at 1/2 to 1/8 of their size, with pixels that differ by
    half a level of 255 on average; or exact, in full."""
    cache: bool = field(default=True, metadata=RESUMABLE)
    """Cache decoded images in a file."""
