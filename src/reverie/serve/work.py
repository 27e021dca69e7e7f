"""What can be asked of a model: the options of each action, and how it is computed."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.image_file import ImageFile, read_image_file
from reverie.core.image_formats import ImageTooLarge, opened
from reverie.core.options import Checked, field_types
from reverie.inference.latent.files import reconstruct_image, strengths_of
from reverie.inference.model import Model
from reverie.inference.options import (
    EditOptions,
    ReconstructOptions,
    SampleOptions,
    TranslateOptions,
    UpscaleOptions,
)
from reverie.inference.sample import sample_images
from reverie.inference.translate import translate_image
from reverie.inference.upscale import upscale_image
from reverie.methods import Upscales
from reverie.serve.models import ServedModel
from reverie.serve.options import ServeOptions
from reverie.serve.refusal import Refusal
from reverie.serve.worker import Work

O = TypeVar("O", bound=Checked)  # noqa: E741


class Action(Work):
    """One action on one model. A subclass says which options may be given, and computes.

    Args:
        served: the model.
        options: of the type `kind`.
        image: the bytes of the image that was sent; empty for actions that take none.
        limits: of the server.

    Raises:
        Refusal: if more is asked for than the limits allow.
        UserError: if the options do not fit the model, or the image cannot be read.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    kind: ClassVar[type[Checked]]
    names: ClassVar[tuple[str, ...]]
    """The options of `kind` that a request may give: none of files on the server."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """Defaults that are not those of `kind`."""
    takes_image: ClassVar[bool] = True

    def __init__(
        self, served: ServedModel, options: Checked, image: bytes, limits: ServeOptions
    ) -> None:
        assert isinstance(options, self.kind)
        self.served, self.options, self.limits = served, options, limits
        self.image = BytesIO(image)
        for name in ("steps", "refine"):
            if (getattr(options, name, None) or 0) > limits.max_steps:
                raise Refusal(422, f"{name} is at most {limits.max_steps:,} here.")
        if self.takes_image:
            self._refuse_large(*self.size_made(*_size_of(self.image, limits)))

    @classmethod
    def types(cls) -> dict[str, object]:
        """The types of the options that may be given, by name."""
        every = field_types(cls.kind)
        return {name: every[name] for name in cls.names}

    def size_made(self, width: int, height: int) -> tuple[float, float]:
        """The largest size that computing with an image of this size goes through."""
        return width, height

    def chosen(self, kind: type[O]) -> O:
        """The options, of their own type."""
        assert isinstance(self.options, kind)
        return self.options

    def _refuse_large(self, width: float, height: float) -> None:
        limit = self.limits.max_pixels
        if width * height > limit:
            raise Refusal(
                413,
                f"the result would be made at {width:,.0f}×{height:,.0f} pixels, and the most is "
                f"{limit / 1e6:g} megapixels: send a smaller image.",
            )


class SampleAction(Action):
    """Images from noise; requests with the same settings are computed together."""

    name = "sample"
    about = (
        "Images from noise, the first with the number `seed`; image i depends on seed + i alone."
    )
    kind, takes_image = SampleOptions, False
    names = (
        "count", "seed", "label", "between", "guidance", "steps", "sampler", "schedule",
    )  # fmt: skip
    defaults: ClassVar = {"count": 1}

    def __init__(
        self, served: ServedModel, options: Checked, image: bytes, limits: ServeOptions
    ) -> None:
        super().__init__(served, options, image, limits)
        o = self.chosen(SampleOptions)
        if o.count > limits.max_images:
            raise Refusal(422, f"at most {limits.max_images:,} images at once: ask several times.")
        self.size = o.count
        self.labels = served.model.labels(o.count, o.label or None)
        self.settings = {
            name: getattr(o, name) for name in ("guidance", "steps", "sampler", "schedule")
        }
        if o.between is None:
            self.key = (served.name, *self.settings.values())

    @property
    def seeds(self) -> range:
        o = self.chosen(SampleOptions)
        return range(o.seed, o.seed + o.count)

    @property
    def class_names(self) -> list[str] | None:
        """The class of each image, where the model knows classes."""
        names = self.served.model.class_names
        return None if self.labels is None else [names[label] for label in self.labels.tolist()]

    def compute(self, works: Sequence[Work]) -> Sequence[np.ndarray]:
        model = self.served.model
        if self.key is None:
            return [image_io.to_uint8(sample_images(model, self.chosen(SampleOptions)))]
        wanted = [work for work in works if isinstance(work, SampleAction)]
        labels = [work.labels for work in wanted if work.labels is not None]
        images = model.sample_seeds(
            [seed for work in wanted for seed in work.seeds],
            torch.cat(labels) if labels else None,
            **self.settings,
        )
        parts = images.split([work.size for work in wanted])
        return [image_io.to_uint8(part) for part in parts]


class ImageAction(Action):
    """An action that makes one image of one image."""

    def compute(self, works: Sequence[Work]) -> Sequence[ImageFile]:
        return [self.made()]

    @abstractmethod
    def made(self) -> ImageFile:
        """The image that is answered."""


class TranslateAction(ImageAction):
    """One image in another domain."""

    name = "translate"
    about = (
        "The image in another domain, at its own size, or with `size=trained` at the training's."
    )
    kind = TranslateOptions
    names = ("direction", "size", "dropout", "statistics", "pair_by", "seed")

    def size_made(self, width: int, height: int) -> tuple[float, float]:
        if self.chosen(TranslateOptions).size == "own":
            return width, height
        factor = max(1.0, min(self.served.model.method.spec.size) / min(width, height))
        return factor * width, factor * height

    def made(self) -> ImageFile:
        image = read_image_file(self.image)
        return translate_image(self.served.model, image, self.chosen(TranslateOptions))


class UpscaleAction(ImageAction):
    """One image with more pixels."""

    name = "upscale"
    about = "The image upscaled."
    kind, names = UpscaleOptions, ("scale", "precision")

    def size_made(self, width: int, height: int) -> tuple[float, float]:
        method = self.served.model.method
        assert isinstance(method, Upscales)
        factor = max(method.scale, self.chosen(UpscaleOptions).scale or 1.0)
        return factor * width, factor * height

    def made(self) -> ImageFile:
        image = read_image_file(self.image)
        return upscale_image(self.served.model, image, self.chosen(UpscaleOptions))


class EditAction(ImageAction):
    """One image with attributes added or removed."""

    name = "edit"
    about = "The image with attributes added, `add=NAME=STRENGTH`; 1 adds one, -1 removes it."
    kind, names = EditOptions, ("add", "leave", "refine")

    def made(self) -> ImageFile:
        o, editor = self.chosen(EditOptions), self.served.editor
        assert editor is not None
        if not o.add:
            names = ", ".join(editor.directions)
            raise UserError(f"say what to change, as add=NAME=1.0; the attributes are {names}.")
        _, latent = editor.encode(self.image, o.refine)
        return _as_file(editor.edit(latent, strengths_of(o.add), o.leave))


class ReconstructAction(ImageAction):
    """One image as the model makes it of its latent."""

    name = "reconstruct"
    about = "The reconstruction of the image from its latent, at the size of the model."
    kind, names = ReconstructOptions, ("refine",)

    def made(self) -> ImageFile:
        encoder = self.served.encoder
        assert isinstance(encoder, Model)
        return _as_file(
            reconstruct_image(encoder, self.image, self.chosen(ReconstructOptions).refine)
        )


ACTIONS: Mapping[str, type[Action]] = {
    one.name: one
    for one in (SampleAction, TranslateAction, UpscaleAction, EditAction, ReconstructAction)
}


def _as_file(images: torch.Tensor) -> ImageFile:
    return ImageFile(image_io.to_uint8(images)[0])


def _size_of(image: BytesIO, limits: ServeOptions) -> tuple[int, int]:
    """Width and height of an image, read from its header alone.

    Raises:
        Refusal: if it is larger than the limit.
        UserError: if it is no image.
    """
    try:
        # `image_io.size_of` decodes a PNG, whose orientation may stand behind its pixels.
        with opened(image) as header:
            width, height = header.size
    except ImageTooLarge:
        width = height = 0
    if not 0 < width * height <= limits.max_pixels:
        size = f" of {width:,}×{height:,} pixels" if width else ""
        raise Refusal(
            413,
            f"an image{size} is larger than the {limits.max_megapixels:g} megapixels that are "
            "taken: send a smaller one.",
        )
    return width, height
