"""The options of every verb that uses a model, as frozen dataclasses.

Their fields are the flags of the command line, the keyword arguments of the public functions and
the tables of the documentation. Nothing here imports PyTorch, so that `--help` answers at once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from reverie.core.errors import UserError
from reverie.core.options import (
    Above,
    AtLeast,
    AtMost,
    Checked,
    Direction,
    Fraction,
    Length,
    NonNegative,
    NonNegativeInt,
    PairBy,
    Positive,
    PositiveFloat,
    flag_of,
)

Layers = Annotated[tuple[str, ...], Length(0, 1000)]
"""Layers of a network, each with a channel and a weight if there is more to say."""

SampleCount = Annotated[int, AtLeast(1), AtMost(1_000_000)]
FrameRate = Annotated[float, AtLeast(0.01), AtMost(1000)]
"""Frames per second."""


@dataclass(frozen=True, kw_only=True)
class DenoisingOptions(Checked):
    """How a diffusion model samples; other models refuse these."""

    guidance: Annotated[float, AtLeast(-1000), AtMost(1000)] | None = None
    """Diffusion: classifier-free guidance scale; 1 is plain, 2 is clearer and less varied."""
    steps: Annotated[int, AtLeast(1), AtMost(100_000)] | None = None
    """Diffusion: how many noise levels (12 unless told otherwise)."""
    sampler: Literal["auto", "ddpm", "ddim", "euler", "heun", "dpmpp-2m", "mean-flow"] | None = None
    """Diffusion: update rule from one noise level to the next; auto is dpmpp-2m, or mean-flow for
    models that were trained with --few-steps, in up to 4 steps."""
    schedule: Literal["auto", "karras", "uniform"] | None = None
    """Diffusion: spacing of the noise levels; auto is uniform for models of the flow objective, and
    karras for the others."""


@dataclass(frozen=True, kw_only=True)
class SampleOptions(DenoisingOptions):
    """Which images to sample; image i depends on seed + i alone."""

    count: SampleCount = 16
    """How many images."""
    seed: int = 0
    """Number of the first image."""
    label: tuple[str, ...] = ()
    """Class: one for all images, or one for each; by default all classes take turns."""
    between: tuple[int, int] | None = None
    """Interpolate from the image of one seed to that of another."""
    init: Path | None = None
    """Diffusion: an image to start from instead of noise (SDEdit)."""
    strength: Fraction = 0.6
    """Diffusion: how much of --init is regenerated, from 0 to 1."""
    mask: Path | None = None
    """Diffusion: an image, white where --init is to be regenerated (inpainting); resized if need
    be."""
    film: Path | None = None
    """Diffusion: a .gif of the steps, with a strip of them beside it."""

    def names_in(self, out: Path) -> list[Path]:
        """The image files of samples that go to `out`: a folder, or one file for all."""
        if out.suffix:
            return [out]
        return [out / f"{self.seed + i:06d}.png" for i in range(self.count)]


@dataclass(frozen=True, kw_only=True)
class TranslateOptions(Checked):
    """How images are translated."""

    direction: Direction = "ab"
    """From domain A to B, or back where the model translates both ways."""
    size: Literal["own", "trained"] = "own"
    """Each image at its own size, or resized so that its shorter side is that of the training. A
    model that keeps the luma generates the colours of larger images at that size."""
    dropout: Literal["off", "on"] = "off"
    """Dropout at inference: on gives variety, as the original pix2pix does."""
    statistics: Literal["trained", "image"] = "trained"
    """Batch norm: running averages of the training, or each image's own, as in the original
    pix2pix."""
    tile: Positive | None = None
    """Side of the tiles in pixels; large images are tiled by default."""
    cycle: Literal["sheet", "all", "none"] = "sheet"
    """Translate results back, to compare them with the inputs: those on the sheet, all that the
    page shows, or none; each takes as long as a translation."""
    pair_by: PairBy | None = None
    """Make each input from the image, as a training with --pair-by does: grey, edges, lowres or
    blur."""
    seed: int = 0
    """Seed of the dropout; an image's translation depends on it and on the image alone."""


@dataclass(frozen=True, kw_only=True)
class UpscaleOptions(Checked):
    """How images are upscaled."""

    scale: Annotated[float, Above(0), AtMost(16)] | None = None
    """Scale factor; where the network has another one, the result is resized."""
    tile: Positive | None = None
    """Side of the tiles in pixels; by default what fits into memory."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto computes in bfloat16 where the machine has it natively."""
    existing: Literal["skip", "overwrite"] = "skip"
    """What to do with files that exist already."""
    format: str | None = None
    """png, jpg, webp or tif; by default each file's own."""


@dataclass(frozen=True, kw_only=True)
class AscentOptions(Checked):
    """Gradient ascent of a deep dream."""

    octaves: Annotated[int, AtLeast(1), AtMost(100)] = 4
    """Number of octaves (image sizes), from small to large."""
    octave_scale: Annotated[float, AtLeast(1), AtMost(100)] = 1.4
    """Ratio between the sizes of two octaves."""
    steps: Annotated[int, AtLeast(1), AtMost(100_000)] = 10
    """Gradient steps per octave."""
    step_size: Annotated[float, AtLeast(0), AtMost(100)] = 0.02
    """Mean change per step, where black to white is 2."""
    jitter: Annotated[int, AtLeast(0), AtMost(2**16)] = 32
    """Random shift before each step, in pixels."""
    normalise: Literal["mean-absolute", "deviation"] = "mean-absolute"
    """Normalisation of the gradient."""
    carry: Literal["detail", "all"] = "detail"
    """From octave to octave: add the dreamt detail to the original, or resize the whole image."""
    smoothing: Annotated[float, AtLeast(0), AtMost(1000)] = 0.0
    """Standard deviation of the gradient blur in pixels, reduced to 0 over the steps."""
    total_variation: NonNegative = 0.0
    """Weight of the total variation, against noise."""
    closeness: NonNegative = 0.0
    """Weight of the squared distance from the original."""
    tile: Annotated[int, AtLeast(64), AtMost(2**16)] = 512
    """Side of the tiles in pixels; larger images are tiled."""
    seed: int = 0
    """Seed of the jitter: same seed, same dream."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.octave_scale == 1 and self.octaves > 1:
            raise UserError("--octave-scale must be above 1 for several octaves.")


@dataclass(frozen=True, kw_only=True)
class DreamOptions(AscentOptions):
    """Which network dreams, what it maximizes, and how."""

    backbone: str = "efficientnet"
    """efficientnet, which comes with its package; inception_v3, googlenet, vgg16, vgg19, resnet50
    with --weights; or one of your own runs."""
    weights: Path | None = None
    """torchvision's file of the backbone's weights."""
    layers: Layers = ()
    """Layers to maximize: NAME, NAME:CHANNEL, each with =WEIGHT if you like; see --list-layers."""
    towards: Literal["l2", "mean"] = "l2"
    """What is maximized: the mean squared activation, or the mean activation."""
    guide: Path | None = None
    """Guided dream: maximize the features of this image."""
    like: Path | None = None
    """A dream saved as .png, whose settings are used; options that differ from the defaults
    override them."""
    film: Positive | None = None
    """A film of so many frames, each dreamt from the one before."""
    zoom: PositiveFloat = 1.04
    """Film: zoom factor per second."""
    rotate: Annotated[float, AtLeast(-36_000), AtMost(36_000)] = 0.0
    """Film: rotation in degrees per second."""
    rate: FrameRate = 12.0
    """Film: frames per second."""


@dataclass(frozen=True, kw_only=True)
class EditOptions(Checked):
    """Latent arithmetic, or attributes added to an image."""

    image: Path | None = None
    """An image to edit, instead of latent arithmetic."""
    add: tuple[str, ...] = ()
    """With --image: NAME=STRENGTH; 1 adds an attribute, -1 removes it; limited to the range of the
    training latents."""
    sweep: tuple[str, ...] = ()
    """With --image: show these attributes at strengths from -1.5 to 1.5."""
    leave: tuple[str, ...] = ()
    """Attributes that must not change: the direction is made orthogonal to theirs."""
    kind: Literal["means", "classifier"] = "means"
    """Attribute direction: the difference of means, or a linear classifier's normal, which changes
    less else and is fainter."""
    data: str | None = None
    """The images and their attributes; by default those that the run was trained on."""
    exemplars: NonNegativeInt = 64
    """Images whose mean latent stands for a group: 3 in the DCGAN paper, after which half of the
    sums come out as expected, and with 64 nearly all; 0 takes all."""
    choice: Literal["alike", "random"] = "alike"
    """Exemplars of all groups: those most like one member of the first group in all attributes, as
    far as their group allows, or random ones."""
    seed: int = 0
    """Seed of the exemplars and of the noise around the result."""
    noise: NonNegative = 0.2
    """Standard deviation of the noise of the eight samples around the result."""
    norm: Literal["prior", "keep"] = "prior"
    """Rescale the result to the norm of the prior, or keep its own."""
    refine: NonNegativeInt = 100
    """With --image: gradient steps that fit the latent to the image."""

    def refuse_contradictions(self, expression: str | None) -> None:
        """Raise a UserError if these options and an expression do not go together."""
        if self.image is not None and expression is not None:
            raise UserError("give an expression, or --image with --add: not both.")
        if self.image is None and (self.add or self.sweep):
            raise UserError("--add and --sweep change an image: name it with --image.")
        if self.image is None and expression is None:
            raise UserError('give one expression in quotes, as "Male & Eyeglasses - Male + !Male".')


@dataclass(frozen=True, kw_only=True)
class InterpolateOptions(DenoisingOptions):
    """A path through latent space."""

    seeds: tuple[int, ...] = ()
    """Numbers of the images to interpolate between."""
    images: tuple[Path, ...] = ()
    """Or image files, where the model has an encoder."""
    frames: Positive = 60
    """Frames in all."""
    loop: bool = False
    """Return to the first image."""
    straight: bool = False
    """Linear instead of spherical interpolation."""
    label: str | None = None
    """Class, where the model is conditional."""
    plane: bool = False
    """Show the whole plane of a model with two latents."""
    rate: FrameRate = 20.0
    """Frames per second."""


@dataclass(frozen=True, kw_only=True)
class ReconstructOptions(Checked):
    """How images are reconstructed from their latents."""

    refine: NonNegativeInt = 0
    """Gradient steps that fit each latent to its image."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(DenoisingOptions):
    """How a model, or a folder of images, is evaluated."""

    data: str | None = None
    """The reference images: a folder, a table, an array (.npz, .npy), a .parquet or IDX file, or a
    built-in dataset."""
    against: Path | None = None
    """Instead of the images, their statistics: an .npz of --save-stats, or with mu and sigma."""
    save_stats: Path | None = None
    """Write the statistics of the reference images to this .npz file, for --against."""
    split: Literal["train", "test", "all"] = "test"
    """Split, of data that has splits."""
    where: str | None = None
    """Only reference images with these attributes or of these classes: Smiling & !Male."""
    data_b: str | None = None
    """Translation: a folder with the images of domain B; then --data holds those of A."""
    domain_a: str | None = None
    """Translation: the images of domain A, by attributes or classes: Male & !Eyeglasses."""
    domain_b: str | None = None
    """Translation: the images of domain B, by attributes or classes: Male & Eyeglasses."""
    pair_by: PairBy | None = None
    """Translation: make each input from its target, as a training with --pair-by does."""
    count: SampleCount | None = None
    """How many samples; by default as many as there are images, 10,000 at most."""
    features: str | None = None
    """Feature network: digits, efficientnet, efficientnet-lite2 (which no loss uses) or inception;
    by default the one that fits the data."""
    seed: int = 0
    """Number of the first sample."""
    pairs: bool = False
    """Compare two folders image by image, by equal names: PSNR, SSIM, perceptual distance."""
    luma: bool = False
    """Pairs: PSNR and SSIM of the luma Y alone, as in super-resolution's tables."""
    border: NonNegativeInt = 0
    """Pairs: pixels at the edges that PSNR and SSIM leave out."""
    report: Path | None = None
    """Write a page (.html) with the figures and samples beside their nearest training images."""

    def refuse_contradictions(self) -> None:
        """Raise a UserError if there is nothing to compare with, or too much."""
        if self.pairs and self.data is None:
            raise UserError("--pairs compares with the folder of images that --data names.")
        if self.data is None and self.against is None:
            raise UserError(
                "evaluate needs images to compare with: --data IMAGES, or --against FILE."
            )
        of_images = (
            "data",
            "data_b",
            "where",
            "domain_a",
            "domain_b",
            "pair_by",
            "report",
            "save_stats",
        )
        given = [n for n in (*of_images, "save_stats") if getattr(self, n) is not None]
        if self.against is not None and (given or self.pairs):
            raise UserError(
                "--against stands for the reference images: give no "
                f"{flag_of([*given, 'pairs'][0])}."
            )


@dataclass(frozen=True, kw_only=True)
class MatchOptions(Checked):
    """Which images are paired, and how many of the pairs are kept."""

    keep: Annotated[float, Above(0), AtMost(1)] = 0.9
    """Share of the pairs that are kept, the most alike ones."""
    split: Literal["train", "test", "all"] = "train"
    """Split, of data that has splits."""
    domain_a: str | None = None
    """The images of domain A, by attributes or classes: Male & !Eyeglasses."""
    domain_b: str | None = None
    """The images of domain B, by attributes or classes: Male & Eyeglasses."""

    @staticmethod
    def refuse_folder(folder: Path) -> None:
        """Raise a UserError if the folder of the pairs exists."""
        if folder.exists():
            raise UserError(f"{folder} exists: name another folder by --out.")


@dataclass(frozen=True, kw_only=True)
class ReproduceOptions(Checked):
    """How much is trained, and where everything goes."""

    out: Path | None = None
    """The folder; by default reproduced/NAME."""
    budget: Annotated[float, Above(0), AtMost(100)] = 1.0
    """Multiplies the length of every training: 0.2 is quick and shows less."""
    seed: int = 0
    """Seed of every training."""


@dataclass(frozen=True, kw_only=True)
class ExportOptions(Checked):
    """As which file a model is written for other programs."""

    to: Literal["onnx", "torch", "web"] = "onnx"
    """ONNX, torch.export's format (.pt2), or a web page that runs the model in the browser."""
    single_file: bool = False
    """A web page as one .html that opens without a server; else it is a folder."""
    webgpu: bool = False
    """Web pages compute on the graphics processor where the browser has WebGPU; adds 13 MB."""
    data: str | None = None
    """Images whose attributes become strengths of a file of edits, or sliders of a web page; by
    default those of the run."""
    examples: Path | None = None
    """A folder of images, of which a web page that translates or upscales offers the first six."""
    direction: Direction | None = None
    """Only this direction of a translator."""
    compile: bool = False
    """With --to torch: compiled for this machine by AOTInductor, which needs a C++ compiler."""
    half: bool = False
    """Store weights in 16 bits, which halves the file; it computes in 32 bits as before."""
    quantize: Literal["int8"] | None = None
    """Compute in 8 bits; says what it costs in decibels."""
    images: Path | None = None
    """A folder of typical images, from which --quantize int8 takes fixed ranges of values."""
    license: str = ""
    """Licence of the model, which the file then names."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.images is not None and self.quantize is None:
            raise UserError("--images is for --quantize int8.")
        if self.to == "torch" and (self.half or self.quantize is not None):
            raise UserError("--half and --quantize are for --to onnx and --to web.")
        if self.to != "web" and (self.single_file or self.webgpu or self.examples is not None):
            raise UserError("--single-file, --webgpu and --examples are for --to web.")
        if self.to != "torch" and self.compile:
            raise UserError("--compile is for --to torch.")
