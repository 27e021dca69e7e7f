"""Arrays of images as people hold them: layouts, ranges of values and labels.

Images become uint8 [N, H, W, C] with C = 1 (grayscale) or 3 (RGB), whatever their axes and range;
what can be read in two ways is refused. Labels become class numbers and the names of the classes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Int, UInt8
from numpy.typing import NDArray

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.image_size import Size
from reverie.core.result import counted
from reverie.data.source import Source, of_pixels

Range = Literal["0 to 255", "[0, 1]", "[-1, 1]", "{False, True}"]
"""What the values of an array mean, from black to white."""

CHANNELS = (1, 3, 4)
"""Lengths that an axis of channels may have: grayscale, RGB, RGBA."""

LONGEST_SIDE = 2**16
SLACK = 1e-3
"""How far rounding may take a float out of its range."""
SIGNED_BELOW = -0.5
"""Floats in [-1, 1] are expected to go below this; those that do not could be of either range."""
MOST_GAPS = 2
"""Class numbers are kept where there are at most this many numbers for each class in use."""


def of_arrays(
    kind: str, arrays: Sequence[NDArray[Any]], labels: Any = None, class_names: Sequence[str] = ()
) -> Source:
    """Source of images in memory; its digest depends on their pixels and sizes alone.

    Args:
        kind: what they come from, for messages: "array".
        arrays: arrays of one image or more each, as for `to_pixels`.
        labels: a class for each image, by number or name; see `classes_of`.
        class_names: names of the class numbers, where they are known.

    Raises:
        UserError: if they cannot be used, or have values that could be of several ranges.
    """
    scale = range_of(kind, arrays)
    kind = f"{kind} of {arrays[0].dtype}"
    if scale != "0 to 255":
        kind = f"{kind} in {scale}"
        progress.say(f"{kind}: the images are kept in 8 bits")
    parts = [to_pixels(values, scale) for values in arrays]
    shapes = {part.shape[1:] for part in parts}
    count = sum(map(len, parts))
    numbers, names = (None, ()) if labels is None else classes_of(labels, count, class_names)
    if len(shapes) == 1:
        pixels = parts[0] if len(parts) == 1 else np.concatenate(parts)
        source = of_pixels(kind, pixels, numbers, names)
    else:
        images = [image for part in parts for image in part]
        source = Source(
            kind=kind,
            names=[str(index) for index in range(count)],
            read=lambda index, fit: images[index],
            digest=lambda: "",
            labels=numbers,
            class_names=names,
        )
    sizes = {shape[:2] for shape in shapes}
    height, width = next(iter(sizes))
    digest = _digest(parts)
    return replace(
        source,
        digest=lambda: digest,
        native_size=Size(width, height).option if len(sizes) == 1 else None,
    )


def _digest(parts: Sequence[NDArray[np.uint8]]) -> str:
    """Hash of images, which does not depend on how they are divided into arrays."""
    whole = hashlib.sha256()
    for part in parts:
        for image in part:
            whole.update(repr(image.shape).encode() + np.ascontiguousarray(image).data)
    return whole.hexdigest()


def range_of(kind: str, arrays: Sequence[NDArray[Any]]) -> Range:
    """The range of the values of arrays, which must all be of one type.

    Raises:
        UserError: if there is none, or the values could be of several.
    """
    types = {values.dtype for values in arrays}
    if len(types) > 1:
        named = " and ".join(sorted(str(one) for one in types))
        raise UserError(f"{kind}: images must all be of one type, not of {named}.")
    if not arrays or not any(values.size for values in arrays):
        raise UserError(f"{kind}: there are no images in it.")
    dtype = types.pop()
    if dtype.kind == "b":
        return "{False, True}"
    lowest = float(min(values.min() for values in arrays if values.size))
    highest = float(max(values.max() for values in arrays if values.size))
    if not np.isfinite([lowest, highest]).all():
        raise UserError(f"{kind}: some values are NaN or infinite: remove these images first.")
    if dtype.kind in "ui":
        return _range_of_integers(kind, dtype, lowest, highest)
    return _range_of_floats(kind, lowest, highest)


def _range_of_integers(kind: str, dtype: np.dtype, lowest: float, highest: float) -> Range:
    if dtype != np.uint8 and (lowest < 0 or highest > 255 or highest <= 1):
        raise UserError(
            f"{kind}: its integers go from {lowest:g} to {highest:g}, and images in integers have "
            "values from 0 to 255: scale them to that, and convert with .astype('uint8')."
        )
    if highest <= 1:
        progress.warn(
            f"{kind}: its values go from {lowest:g} to {highest:g} of 255, so all is black: "
            "multiply masks of 0 and 1 by 255."
        )
    return "0 to 255"


def _range_of_floats(kind: str, lowest: float, highest: float) -> Range:
    known = f"{kind}: its values go from {lowest:.4g} to {highest:.4g}"
    if lowest == highest:
        raise UserError(f"{known}: images whose values are all equal cannot be used.")
    if lowest < -1 - SLACK or highest > 1 + SLACK:
        raise UserError(
            f"{known}, and images in floats have values in [0, 1] or [-1, 1]: divide by the "
            "largest possible value, or undo a normalization by mean and standard deviation."
        )
    if lowest >= -SLACK:
        return "[0, 1]"
    if lowest >= SIGNED_BELOW:
        raise UserError(
            f"{known}, which could be meant as [0, 1] or as [-1, 1]: clip them to [0, 1], or "
            "convert them to uint8 from 0 to 255."
        )
    return "[-1, 1]"


def to_pixels(values: NDArray[Any], scale: Range) -> UInt8[np.ndarray, "n h w c"]:
    """Images with values in a known range, in 8 bits; RGBA is composited on white."""
    match scale:
        case "{False, True}":
            pixels = values.astype(np.uint8) * 255
        case "0 to 255":
            pixels = values.astype(np.uint8, copy=False)
        case "[0, 1]":
            pixels = np.rint(values.astype(np.float32).clip(0, 1) * 255).astype(np.uint8)
        case "[-1, 1]":
            pixels = np.rint((values.astype(np.float32).clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    if pixels.shape[-1] == 4:
        alpha = pixels[..., 3:].astype(np.float32) / 255
        over = pixels[..., :3] * alpha + 255 * (1 - alpha)
        pixels = np.rint(over).astype(np.uint8)
    return pixels


def refuse_other_types(kind: str, values: NDArray[Any]) -> None:
    """Raise a UserError if an array holds no numbers."""
    if values.dtype.kind not in "uifb":
        raise UserError(
            f"{kind}: images are arrays of uint8, or of floats in [0, 1] or [-1, 1], not of "
            f"{values.dtype}."
        )


def channels_last(kind: str, values: NDArray[Any], *, channels_first: bool = False) -> NDArray[Any]:
    """[N, H, W], [N, H, W, C] or [N, C, H, W] as [N, H, W, C], C = 1, 3 or 4.

    Args:
        kind: what the array is, for messages.
        values: the array.
        channels_first: how it is read where both axes could be that of the channels, as those of
            PyTorch; otherwise it is refused.

    Raises:
        UserError: if it has other axes, or could be read in two ways.
    """
    shape = list(values.shape)
    refuse_other_types(kind, values)
    if values.ndim == 3 and shape[0 if channels_first else -1] in CHANNELS[1:]:
        raise UserError(
            f"{kind} of shape {shape}: this looks like one image, and several are needed, with "
            "their number as the first axis."
        )
    if values.ndim == 3:
        values = values[..., None]
    elif values.ndim != 4:
        side = round(shape[1] ** 0.5) if values.ndim == 2 else 0
        hint = f"as .reshape(-1, {side}, {side})" if side and side**2 == shape[1] else "first"
        raise UserError(
            f"{kind} of shape {shape}: images have the axes [N, H, W], [N, H, W, C] or "
            f"[N, C, H, W]: reshape them {hint}."
        )
    else:
        first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
        if first and last and not channels_first:
            raise UserError(
                f"{kind} of shape {shape}: the second axis and the last could both be that of the "
                "channels: give a PyTorch tensor for [N, C, H, W], or a list of images."
            )
        if not (first or last):
            raise UserError(
                f"{kind} of shape {shape}: no axis has the length of channels: 1, 3 or 4, as in "
                "[N, H, W, C] or [N, C, H, W]."
            )
        if first and (channels_first or not last):
            values = values.transpose(0, 2, 3, 1)
    if values.size and max(values.shape[1:3]) > LONGEST_SIDE:
        raise UserError(f"{kind} of shape {shape}: sides of more than {LONGEST_SIDE:,} pixels.")
    return values


def classes_of(
    labels: Any, count: int, names: Sequence[str] = ()
) -> tuple[Int[np.ndarray, " n"], tuple[str, ...]]:
    """Class number of each image, and the names of the classes.

    Args:
        labels: one label for each of `count` images: an array, a tensor or a list of integers, of
            booleans or of text. Integers from 0 stay the numbers of the classes.
        count: how many images there are.
        names: names of the class numbers, where they are known.

    Raises:
        UserError: if there are more or fewer labels than images, or they name no classes.
    """
    values = np.asarray(labels)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2:
        raise UserError(
            f"labels of shape {list(values.shape)}: one class for each image is needed; of scores "
            "or one-hot vectors take .argmax(1)."
        )
    if values.shape != (count,):
        raise UserError(
            f"{counted(values.size, 'label')} for {counted(count, 'image')}: "
            "there must be one for each."
        )
    if values.dtype.kind == "f" and (values == np.rint(values)).all():
        values = values.astype(np.int64)
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    if values.dtype.kind not in "iuU":
        raise UserError(f"labels are class numbers or names, not {values.dtype}.")
    used, numbers = np.unique(values, return_inverse=True)
    if values.dtype.kind in "iu" and used[0] >= 0:
        if names and used[-1] < len(names):
            return values.astype(np.int64), tuple(map(str, names))
        if used[-1] < MOST_GAPS * len(used):
            return values.astype(np.int64), tuple(str(n) for n in range(int(used[-1]) + 1))
    return numbers.astype(np.int64), tuple(str(one) for one in used)
