"""Datasets ready to be read in batches: `uint8` images of one size.

Files are decoded and resized once, see `cache`; a batch is then a copy of rows, or of crops of
larger images. The cache is optional.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.image_size import Size
from reverie.core.options import PairBy
from reverie.core.result import counted
from reverie.core.threads import in_threads
from reverie.data.cache import RaggedImages, decode_cached, fingerprint_of
from reverie.data.derived import derive
from reverie.data.image_spec import ImageSpec
from reverie.data.memo import remember, stat_digest
from reverie.data.options import DataOptions
from reverie.data.sets import NO_DATA
from reverie.data.sides import Sides, find_sides
from reverie.data.source import Source

BROKEN_TO_NAME = 10
SIZE_OF_FOLDERS, SIZE_OF_CROPS = 64, 96
PICTURES_TO_LOOK_AT = 64

RAGGED = ("width", "none")
"""Policies that keep images of different sizes, from which images of one size are cropped."""


@dataclass(frozen=True, kw_only=True)
class ImageDataset:
    """Images of one size, with labels where the dataset has classes."""

    spec: ImageSpec
    kind: str
    fingerprint: str
    labels: np.ndarray | None
    pixels: np.ndarray | RaggedImages | None
    source: Source
    options: DataOptions
    broken: dict[str, str] = field(default_factory=dict)
    domain_b: "ImageDataset | None" = None
    """The images of domain B, where these are of domain A."""
    low_res: "ImageDataset | None" = None
    """The low-resolution inputs, where these are the high-resolution targets."""
    paired: bool = False
    """Whether image i and image i of `other` are a pair."""
    derived: PairBy | None = None
    """What is read is derived from the images in this way."""
    multiple: int = 1
    """Crops begin at multiples of this: the scale factor between high and low resolution."""

    def __len__(self) -> int:
        return len(self.source.names) if self.pixels is None else len(self.pixels)

    def read(self, indices: np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
        """The images at `indices`, uint8 [B, H, W, C].

        Images larger than the model's size are cropped at relative positions `places` [B, 2] in
        [0, 1], horizontal and vertical; by default at the centre.
        """
        pixels = self._read_crops(indices, places)
        if self.derived is None:
            return pixels
        return image_io.to_uint8(derive(image_io.to_tensor(pixels), self.derived))

    def _read_crops(self, indices: np.ndarray, places: np.ndarray | None) -> np.ndarray:
        size = self.spec.size
        if isinstance(self.pixels, np.ndarray) and self.pixels.shape[1:3] == size.shape:
            return self.pixels[indices]
        where = np.full((len(indices), 2), 0.5) if places is None else places
        whole = [
            self._read_uncached(int(i)) if self.pixels is None else self.pixels[i] for i in indices
        ]
        pairs = zip(whole, where, strict=True)
        return np.stack([image_io.cut(p, size, x, y, self.multiple) for p, (x, y) in pairs])

    @property
    def larger(self) -> bool:
        """Whether images are larger than the crops taken from them."""
        return _crops(self.options)

    def _read_uncached(self, index: int) -> np.ndarray:
        for step in range(len(self)):
            chosen = (index + step) % len(self)
            name = self.source.names[chosen]
            if name in self.broken:
                continue
            try:
                return _resized(self.source, chosen, self.spec, self.options)
            except UserError as error:
                # The next readable image replaces it: batch n stays a function of n.
                self.broken[name] = str(error)
                progress.warn(f"skipped: {error}")
        raise UserError("none of the images can be read; inspect them with `reverie data check`.")


ReadAlready = dict[int, np.ndarray]
"""Images that were decoded for a size, by their numbers; each is taken out when it is used."""


@dataclass(frozen=True)
class PendingDataset:
    """Dataset that was found but not decoded yet, so that errors are reported early."""

    source: Source
    spec: ImageSpec
    options: DataOptions
    sides: Sides = "one"
    other: Source | None = None
    """The images of domain B, or the low-resolution ones."""
    scale: int = 1
    """How many times smaller the images of `other` are."""
    read_already: ReadAlready = field(default_factory=dict)
    """The images that were read to find the spec; they are not decoded twice."""
    other_read_already: ReadAlready = field(default_factory=dict)

    @property
    def paired(self) -> bool:
        """Whether image i belongs to image i of `other`."""
        return self.sides in ("paired", "degraded")


def open_dataset(options: DataOptions) -> ImageDataset:
    """Find and decode the dataset that `options` describe.

    Raises:
        UserError: if there is none, or none of its images can be read.
    """
    return decode_dataset(find_dataset(options))


def find_dataset(
    options: DataOptions,
    sides: Sides = "one",
    scale: int = 1,
) -> PendingDataset:
    """Find the dataset that `options` describe and determine its `ImageSpec`; decodes a sample.

    Args:
        options: dataset and preprocessing.
        sides: `one` dataset; `paired` or `unpaired` domains of translation; `degraded` for
            super-resolution, whose low-resolution images may be given.
        scale: scale factor of super-resolution.

    Raises:
        UserError: if there is no such dataset, or an option is out of range.
    """
    if not options.data:
        raise UserError(NO_DATA)
    source, other = find_sides(options, options.data, sides, scale)
    usual = SIZE_OF_CROPS if sides == "degraded" else SIZE_OF_FOLDERS
    size = Size.of(options.image_size or source.native_size or usual)
    read: ReadAlready = {}
    other_read: ReadAlready = {}
    looks = [_look(source, options, size, read)]
    if other is not None:
        looks.append(_look(other, options, size, other_read))
    spec = ImageSpec(max(c for c, _ in looks), size.option, source.class_names, looks[0][1])
    if options.pair_by == "grey" and spec.channels == 1:
        raise UserError(f"--pair-by grey: the images of {options.data} have no colours.")
    _refuse_augmentation(options, spec)
    if options.resize in RAGGED:
        for one in (source, other if scale == 1 else None):
            _refuse_smaller(one, spec, options)
    if _fit(size, options) != _fit(_load_size(spec, options), options) or scale > 1:
        read, other_read = {}, {}  # they were decoded for another size
    return PendingDataset(source, spec, options, sides, other, scale, read, other_read)


def _refuse_augmentation(options: DataOptions, spec: ImageSpec) -> None:
    """Reject augmentations that the images' shape or the crops do not allow."""
    if options.rotate and spec.height != spec.width:
        raise UserError(f"--rotate: images of {spec.size} are not square: use one --image-size.")
    if options.crop_candidates > 1 and not _crops(options):
        raise UserError(
            f"--crop-candidates {options.crop_candidates}: images are not cropped at random: "
            "use --resize none, --resize width or --jitter too."
        )


def _crops(options: DataOptions) -> bool:
    return options.jitter > 0 or options.resize in RAGGED


def _refuse_smaller(source: Source | None, spec: ImageSpec, options: DataOptions) -> None:
    """Reject images smaller than the crop, before training starts."""
    if source is None:
        return
    first = [] if source.pixels is None else [0]  # arrays have one size
    for index in range(len(source.files)) if source.files else first:
        width, height = source.size_of(index)
        if options.resize == "width":
            resized = _load_size(spec, options).width
            width, height = resized, height * resized // width
        if width < spec.width or height < spec.height:
            raise UserError(
                f"{source.files[index] if source.files else options.data}: an image of "
                f"{width}×{height} is smaller than the {spec.size} crop: use a smaller "
                "--image-size, or --resize crop."
            )


def _look(source: Source, options: DataOptions, size: Size, read: ReadAlready) -> tuple[int, float]:
    """Channels and standard deviation, estimated from a sample of images; cached for files.

    Images that are read for it, and not whole, are put into `read`.
    """
    if not (source.files and options.cache):  # images in memory are sampled faster than hashed
        channels, spread = _estimate(source, options, size, {})
    else:
        key = f"{stat_digest(source)}-{size.option}-{options.resize}-{options.channels}"
        channels, spread = remember("looks", key, lambda: _estimate(source, options, size, read))
    return int(channels), spread


def _estimate(source: Source, options: DataOptions, size: Size, read: ReadAlready) -> list[float]:
    policy: image_io.Resize = "crop" if options.resize in RAGGED else options.resize
    fit = _fit(size, options)
    sampled = _sample_images(source, fit)
    if fit is not None:
        read.update(sampled)
    some = list(sampled.values())
    channels = 1 if all(image_io.is_grayscale(p) for p in some) else 3
    if options.channels != "auto":
        channels = int(options.channels)
    squares = [image_io.resize(image_io.with_channels(p, channels), size, policy) for p in some]
    return [channels, round(float(np.std(squares)) / 127.5, 3) if squares else 0.5]


def decode_dataset(found: PendingDataset) -> ImageDataset:
    """Decode a dataset to be read in batches, using the cache.

    Raises:
        UserError: if no image can be read, an image of a pair is damaged, or there is not enough
            disk space for the cache.
    """
    images = _decoded(found.source, found.spec, found.options, found.read_already)
    if found.other is None:
        return images
    small = replace(found.spec, image_size=found.spec.size.times(1 / found.scale))
    other = _decoded(found.other, small, found.options, found.other_read_already)
    if found.paired and (images.broken or other.broken):
        raise UserError("an image of a pair is damaged: remove both images of the pair.")
    if (how := found.options.pair_by) is not None:
        if found.options.direction == "ab":
            images = _derived(images, how)
        else:
            other = _derived(other, how)
    both = f"{images.fingerprint}-{other.fingerprint}"
    images = replace(images, paired=found.paired, fingerprint=both, multiple=found.scale)
    if found.sides == "degraded":
        return replace(images, low_res=other)
    return replace(images, domain_b=other)


def _derived(images: ImageDataset, how: PairBy) -> ImageDataset:
    return replace(images, derived=how, fingerprint=f"{images.fingerprint}-{how}")


def _decoded(
    source: Source, spec: ImageSpec, options: DataOptions, read: ReadAlready
) -> ImageDataset:
    size = _load_size(spec, options)
    if source.pixels is not None and source.pixels.shape[1:] == (*size.shape, spec.channels):
        return _pictures(source, options, spec, source.digest()[:16], source.pixels)
    depends_on = {"none": "", "width": size.width}.get(options.resize, size.option)
    words = f"{depends_on} {spec.channels} {options.resize}{_decoding(source, options)}"
    if not options.cache:
        return _pictures(source, options, spec, fingerprint_of(source, words), None)
    key, cached = decode_cached(
        source,
        words,
        lambda index: _resized(source, index, spec, options, read.pop(index, None)),
        None if options.resize in RAGGED else size,
    )
    return _pictures(source, options, spec, key, cached.images, cached.broken)


def _pictures(
    source: Source,
    options: DataOptions,
    spec: ImageSpec,
    fingerprint: str,
    pixels: np.ndarray | RaggedImages | None,
    broken: dict[str, str] | None = None,
) -> ImageDataset:
    labels, broken = source.labels, source.broken | (broken or {})
    _report_broken(broken, len(source.names) + len(source.broken))
    if labels is not None and broken:
        labels = labels[[name not in broken for name in source.names]]
    return ImageDataset(
        spec=spec,
        kind=source.kind,
        fingerprint=fingerprint,
        labels=labels,
        pixels=pixels,
        source=source,
        options=options,
        broken=broken,
    )


def _report_broken(broken: dict[str, str], count: int) -> None:
    if broken:
        named = ", ".join(list(broken)[:BROKEN_TO_NAME])
        more = f" and {len(broken) - BROKEN_TO_NAME} more" if len(broken) > BROKEN_TO_NAME else ""
        progress.warn(
            f"{len(broken)} of {counted(count, 'image')} damaged and skipped: {named}{more}; "
            "`reverie data check` lists the error of each."
        )


def _sample_images(source: Source, fit: image_io.Fit | None) -> ReadAlready:
    """Up to `PICTURES_TO_LOOK_AT` images, evenly spaced in the dataset."""
    count = len(source.names)
    chosen = np.unique(np.linspace(0, count - 1, min(count, PICTURES_TO_LOOK_AT)).astype(int))

    def tried(index: int) -> np.ndarray | None:
        try:
            return source.read(index, fit)
        except UserError:
            return None

    images = in_threads(tried, chosen.tolist())
    pairs = zip(chosen.tolist(), images, strict=True)
    return {number: image for number, image in pairs if image is not None}


def _resized(
    source: Source,
    index: int,
    spec: ImageSpec,
    options: DataOptions,
    pixels: np.ndarray | None = None,
) -> np.ndarray:
    """Image `index` at the size of the spec; `pixels` are the image where it was read before."""
    size = _load_size(spec, options)
    if pixels is None:
        pixels = source.read(index, _fit(size, options))
    return image_io.resize(image_io.with_channels(pixels, spec.channels), size, options.resize)


def _fit(size: Size, options: DataOptions) -> image_io.Fit | None:
    """How images may be decoded faster; None if they are to be decoded in full."""
    exact = options.decode == "exact" or options.resize in RAGGED
    return None if exact else image_io.Fit(size, options.resize)


def _decoding(source: Source, options: DataOptions) -> str:
    """What the decoding of JPEG files adds to the options that cached images depend on."""
    if source.pixels is not None:
        return ""
    may_be_jpeg = not source.files or any(
        name.lower().endswith((".jpg", ".jpeg")) for name in source.names
    )
    fast = may_be_jpeg and _fit(Size(1, 1), options) is not None
    return f" reduced to {image_io.ENOUGH}" if fast else ""


def _load_size(spec: ImageSpec, options: DataOptions) -> Size:
    """The size that images are resized to, from which `jitter` crops."""
    return spec.size.times(1 + options.jitter)
