"""The flags of every command, as dataclasses; `cli` reads them and does what they ask for.

A field is a flag, its docstring the help. Nothing here imports PyTorch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from reverie.dream_options import DreamOptions


@dataclass(frozen=True, kw_only=True)
class SampleCommand:
    """Make pictures from noise; picture i depends on seed + i alone."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, or a name on the Hugging Face hub."""
    count: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 16
    """How many pictures."""
    seed: int = 0
    """The number of the first picture."""
    label: tuple[str, ...] = ()
    """The class to show: one for all, or one for each picture; by default all take turns."""
    out: Path = Path("samples")
    """A folder for files and a sheet, one picture file for the sheet alone, or an .npz file."""
    between: tuple[int, int] | None = None
    """Two seeds: show the way from the one's picture to the other's."""
    guidance: float | None = None
    """Diffusion: how far to go beyond what the label asks for; 1 is plain, 2 is clearer."""
    steps: int | None = None
    """Diffusion: how many noise levels (12 unless told otherwise)."""
    sampler: str | None = None
    """Diffusion: ddpm, ddim, euler, heun or dpmpp-2m."""
    schedule: str | None = None
    """Diffusion: how noise levels are spaced: karras or uniform."""
    init: Path | None = None
    """Diffusion: a picture to begin from instead of noise."""
    strength: float = 0.6
    """Diffusion: how much of --init is made anew, from 0 to 1."""
    mask: Path | None = None
    """Diffusion: a picture, white where --init is to be made anew; resized if need be."""
    film: Path | None = None
    """Diffusion: a .gif of the steps, with a strip of them beside it."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class TranslateCommand:
    """Give pictures the other look; size, proportions and metadata stay as they are."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, a name on the hub, or a .pth file of the original CycleGAN code."""
    pictures: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PICTURES")]
    """Files and folders; subfolders are mirrored."""
    out: Path = Path("translated")
    """The folder to write to."""
    direction: Literal["ab", "ba"] = "ab"
    """From A to B, or back where the model has learnt it."""
    dropout: Literal["off", "on"] = "off"
    """On leaves features out as in training, for variety, as the original pix2pix does."""
    statistics: Literal["trained", "picture"] = "trained"
    """Batch norm: averages of the training, or each picture's own, as the original pix2pix does."""
    tile: int | None = None
    """Side of the tiles that are worked on one by one; large pictures are tiled by themselves."""
    reference: str | None = None
    """What a .pth file should be: resnet_6blocks, resnet_9blocks, unet_128 or unet_256."""
    seed: int = 0
    """Decides what dropout leaves out."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class UpscaleCommand:
    """Make pictures larger; transparency, 16 bits of grey, rotation and metadata are kept."""

    pictures: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[MODEL] PICTURES")
    ]
    """Files and folders; before them a run, a model, or a file of weights, where the network that
    comes with the package is not enough."""
    out: Path = Path("large")
    """The folder to write to; subfolders are mirrored."""
    scale: float | None = None
    """How many times larger; where the network was made for another, the result is resized."""
    tile: int | None = None
    """Side of the tiles that are worked on one by one; by default what fits into memory."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto computes in bfloat16 where the machine has it natively."""
    existing: Literal["skip", "overwrite"] = "skip"
    """What to do with files that are there already."""
    format: str | None = None
    """png, jpg, webp or tif; by default each file's own."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class DreamCommand(DreamOptions):
    """Dream of a picture: bring out in it what a network notices."""

    picture: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PICTURE")
    ] = ()
    """The picture to dream of."""
    out: Path = Path("dream.png")
    """The file to write; a .png also holds the settings. A film: .mp4, .gif or a folder."""
    backbone: str = "efficientnet"
    """efficientnet, which comes with its package; inception_v3, googlenet, vgg16, vgg19, resnet50
    with --weights; or one of your own runs."""
    weights: Path | None = None
    """torchvision's file of the backbone's weights."""
    layers: tuple[str, ...] = ()
    """What to bring out: NAME, NAME:CHANNEL, each with =WEIGHT if you like; see --list-layers."""
    towards: Literal["l2", "mean"] = "l2"
    """What rises: the squared activations (more of what is there), or their mean."""
    guide: Path | None = None
    """Another picture: go towards what it shows."""
    like: Path | None = None
    """A dream saved as .png: use its settings again; flags that are given go before them."""
    list_layers: bool = False
    """List the backbone's layers, with sizes and a word on what they bring out."""
    film: int | None = None
    """A film of so many frames, each dreamt from the one before."""
    zoom: float = 1.04
    """Film: how much nearer in a second."""
    rotate: float = 0.0
    """Film: degrees in a second."""
    rate: float = 12.0
    """Film: frames a second."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class EditCommand:
    """Edit in latent space: sums of named groups, or attributes added to a picture."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A vae, or a dcgan, gan or cgan for which an encoder was trained."""
    expression: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar='"SUM"')
    ] = ()
    """Groups added and subtracted: "Male & Eyeglasses - Male & !Eyeglasses + !Male". Names are
    joined by & | ! and parentheses, and may be weighted: 0.5 * Smiling."""
    image: Path | None = None
    """A picture to change, instead of a sum."""
    add: tuple[str, ...] = ()
    """With --image: NAME=STRENGTH; 1 adds an attribute, -1 takes it away; never further than
    pictures go."""
    sweep: tuple[str, ...] = ()
    """With --image: show these attributes at strengths from -1.5 to 1.5."""
    leave: tuple[str, ...] = ()
    """Attributes that must not change along with the others."""
    kind: Literal["means", "classifier"] = "means"
    """What a direction is: the difference of means, or a linear classifier's normal, which touches
    less else and is fainter."""
    data: str | None = None
    """The pictures and their attributes; by default those that the run was trained on."""
    exemplars: int = 64
    """How many stand for a group: 3 in the DCGAN paper, after which half of the sums come out as
    they should, and with 64 nearly all; 0 takes all."""
    seed: int = 0
    """Decides who stands for a group, and the noise around the result."""
    noise: float = 0.2
    """How far the eight around the result are from it."""
    norm: Literal["prior", "keep"] = "prior"
    """Rescale the sum to the norm that latents have, or keep its own."""
    refine: int = 100
    """With --image: gradient steps that bring the latent nearer to the picture."""
    out: Path = Path("edited.png")
    """The sheet to write."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class InterpolateCommand:
    """Walk from picture to picture through latent space."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """Anything that makes pictures from noise."""
    seeds: tuple[int, ...] = ()
    """The numbers of the pictures on the way."""
    images: tuple[Path, ...] = ()
    """Or picture files, where the model finds latents."""
    frames: int = 60
    """How many pictures in all."""
    loop: bool = False
    """Come back to the first."""
    straight: bool = False
    """Lines instead of arcs, which leave the sphere on which latents lie."""
    label: str | None = None
    """The class to show, where the model knows classes."""
    steps: int | None = None
    """Diffusion: how many noise levels."""
    sampler: str | None = None
    """Diffusion: ddim, euler, heun or dpmpp-2m; those without noise of their own walk smoothly."""
    plane: bool = False
    """Show the whole plane of a model with two latents."""
    rate: float = 20.0
    """Frames a second."""
    out: Path = Path("walk.gif")
    """A .gif, a folder of frames, or a picture of all of them."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class ReconstructCommand:
    """Find the latents of pictures and show what comes of them, with the error."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A vae, or a dcgan or gan for which an encoder was trained."""
    pictures: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PICTURES")]
    """Files and folders."""
    refine: int = 0
    """Gradient steps that bring each latent nearer to its picture."""
    out: Path = Path("side-by-side.png")
    """The sheet to write."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class EvaluateCommand:
    """Say in numbers how good a model's samples are, or how near one folder is to another."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, a name on the hub, or a folder of pictures."""
    data: str
    """What the pictures should be like: a folder, a table, an IDX file, or a built-in set."""
    split: Literal["train", "test", "all"] = "test"
    """Which part, of data that comes divided."""
    count: int | None = None
    """How many samples; as many as there are pictures, 10,000 at most, unless told otherwise."""
    features: str | None = None
    """The network to look with: digits, efficientnet or inception; by default what fits."""
    seed: int = 0
    """The number of the first sample."""
    guidance: float | None = None
    """Diffusion: how far to go beyond what the label asks for."""
    steps: int | None = None
    """Diffusion: how many noise levels."""
    sampler: str | None = None
    """Diffusion: ddpm, ddim, euler, heun or dpmpp-2m."""
    pairs: bool = False
    """Compare two folders picture by picture, by equal names: PSNR, SSIM, perceptual distance."""
    luma: bool = False
    """Pairs: PSNR and SSIM of the luma Y alone, as super-resolution's tables have it."""
    border: int = 0
    """Pairs: pixels at the edges that PSNR and SSIM leave out."""
    report: Path | None = None
    """Write a page (.html) with the figures and samples beside their nearest training pictures."""
    out: Path | None = None
    """Write the figures to this .json file."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class InfoCommand:
    """Say what is known of a run or a model."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, or a name on the Hugging Face hub."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class CompareCommand:
    """Show runs side by side: losses in one plot, samples, and the options that differ."""

    runs: tyro.conf.Positional[tuple[str, ...]]
    """The folders of two runs or more."""
    out: Path = Path("compare.html")
    """The page to write."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class DataListCommand:
    """List the built-in pictures and the kinds of data that can be read."""

    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class DataGetCommand:
    """Fetch or draw a set of pictures: emoji, faces or photos."""

    name: Annotated[
        tyro.conf.Positional[Literal["emoji", "faces", "photos"]], tyro.conf.arg(metavar="NAME")
    ]
    """emoji: Windows' (A) and Apple's (B); faces: without (A) and with (B) an attribute; photos:
    free photographs to learn enlarging from."""
    attribute: str | None = None
    """Faces: two sides by Male, Eyeglasses, Smiling, Mustache or Wearing_Hat, as faces-NAME; by
    default by Eyeglasses, and many faces with the list of all their attributes."""
    count: int = 20_000
    """Faces: how many with the list of their attributes."""
    out: Path | None = None
    """A folder; by default the cache, where --data NAME finds it."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class DataCheckCommand:
    """Read every picture of a set and say what was found."""

    data: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PICTURES")]
    """A folder, a table (.csv), an IDX file, or a built-in set."""
    split: str = "train"
    """Which part, of data that comes divided: train, test or all."""
    label_column: str | None = None
    """The column of a table that says the class."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class TrainFlags:
    """Where a training goes and what it starts from."""

    out: Path
    """The run's folder."""
    preset: str | None = None
    """A known recipe to start from."""
    resume: bool = False
    """Go on with the run in --out, with its own options."""
    json: bool = False
    """Print the result as one JSON object."""
