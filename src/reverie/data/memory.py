"""Images in the memory of a Python program: arrays, tensors, lists of images, PyTorch datasets.

They become a `Source` under a name that tells their content, `memory:1797-of-8x8-3f2a9c01d2e4b6a8`,
for as long as the work with them lasts. A run records this name: it can be resumed with the same
images, and is refused with others.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable
from weakref import WeakValueDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.data.arrays import channels_last, classes_of, of_arrays, refuse_other_types
from reverie.data.numpy_file import arrays_of_mapping
from reverie.data.source import MEMORY, Source, of_files

IMAGE_KEYS = ("image", "img", "images", "pixel_values")
LABEL_KEYS = ("label", "labels", "fine_label", "class")
"""Keys of the items of datasets whose items are dictionaries."""

READ_TWICE = 4
"""Items of a dataset that are read twice, to see whether it changes them at random."""

_HELD: WeakValueDictionary[str, Source] = WeakValueDictionary()


@runtime_checkable
class MapDataset(Protocol):
    """A dataset whose items are read by index, as PyTorch's and those of Hugging Face."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


Images = str | Path | NDArray[Any] | Tensor | Sequence[Any] | MapDataset
"""What images are given as in Python; text and paths name what `--data` names."""

Labels = NDArray[Any] | Tensor | Sequence[Any]
"""A class for each image, by number or name."""


@contextmanager
def in_memory(
    data: Images | None, data_b: Images | None = None, labels: Labels | None = None,
    *, two_sides: bool = False,
) -> Iterator[dict[str, str]]:  # fmt: skip
    """Names for images in memory, as the options `data` and `data_b`; they hold inside of this.

    Args:
        data: the images, (images, labels), or (a, b) where there are two sides.
        data_b: the images of domain B, or the low-resolution ones.
        labels: a class for each image of `data`.
        two_sides: whether a tuple of two holds two sets of images.

    Raises:
        UserError: if images or labels cannot be used.
    """
    if isinstance(data, tuple) and len(data) == 2:
        if two_sides and data_b is None:
            data, data_b = data
        elif not two_sides and labels is None and _are_labels(data[1], data[0]):
            data, labels = data
        elif not two_sides and _is_set(data[0]) and _is_set(data[1]):
            raise UserError(
                "a tuple of two holds images and a label for each of them; what trains on two "
                "sets of images is image-to-image translation."
            )
    if labels is not None and (data is None or isinstance(data, str | os.PathLike)):
        raise UserError("labels= goes with images in memory: data=images, labels=labels.")
    sources, names = [], {}
    for option, images, classes in (("data", data, labels), ("data_b", data_b, None)):
        if images is None or isinstance(images, str | os.PathLike):
            names |= {} if images is None else {option: os.fspath(images)}
            continue
        names[option], source = hold(images, classes)
        sources.append(source)  # which keeps its name
    yield names


def refuse_in_memory(options: Mapping[str, object], verb: str) -> None:
    """Raise a UserError if images in memory are given to what works in other processes."""
    for name in ("data", "data_b"):
        if not isinstance(options.get(name), str | os.PathLike | None):
            raise UserError(
                f"{verb} works in processes of their own, which do not see images in memory: save "
                f"them with numpy.savez, and give the file as {name}."
            )


def hold(images: Images, labels: Labels | None = None) -> tuple[str, Source]:
    """A name for images in memory and their source; the name holds for as long as the source.

    Raises:
        UserError: if images or labels cannot be used.
    """
    source = source_of(images, labels)
    whole = hashlib.sha256(source.digest().encode())
    if source.labels is not None:
        whole.update(source.labels.tobytes() + repr(source.class_names).encode())
    size = source.native_size
    sides = (
        "images" if size is None else f"of-{size if isinstance(size, str) else f'{size}x{size}'}"
    )
    name = f"{MEMORY}{len(source.names)}-{sides}-{whole.hexdigest()[:16]}"
    return name, _HELD.setdefault(name, source)


def find_held(name: str) -> Source:
    """The source that `hold` returned with a name.

    Raises:
        UserError: if nothing is held under this name.
    """
    source = _HELD.get(name)
    if source is None:
        raise UserError(
            f"{name} were images in the memory of a Python program: give the same images again in "
            "Python, as data=images, or save them with numpy.savez and give the file as --data."
        )
    return source


def source_of(images: Images, labels: Labels | None = None) -> Source:
    """The source of images in memory; datasets are read once.

    Raises:
        UserError: if images or labels cannot be used.
    """
    if isinstance(images, Mapping):
        if any(isinstance(part, MapDataset) and not _is_array(part) for part in images.values()):
            raise UserError(
                f"these are several datasets, {', '.join(map(str, images))}: give one of them, as "
                f"data=dataset[{next(iter(images))!r}]."
            )
        pixels, known = arrays_of_mapping("data", images, "all")
        return _of_array(pixels, known if labels is None else labels)
    if isinstance(images, np.ndarray | Tensor):
        return _of_array(images, labels)
    if isinstance(images, str | bytes | Image.Image) or not isinstance(images, MapDataset):
        raise UserError(_why_not(images))
    if not len(images):
        raise UserError("data: there are no images in it.")
    if isinstance(images, Sequence) and all(isinstance(one, str | Path) for one in images):
        return _of_paths([path_of(one) for one in images], labels)
    return _of_items(images, labels)


def _why_not(images: object) -> str:
    kind = type(images).__name__
    if isinstance(images, Image.Image):
        return "data is one image: give a list of them."
    if hasattr(images, "batch_size") and hasattr(images, "dataset"):
        return f"data is a {kind}: give what it loads, as data=loader.dataset."
    return (
        f"data is of type {kind}, which is read neither as a folder nor by index: give an array, a "
        "tensor, a list of images, or a dataset with a length."
    )


def _of_array(images: NDArray[Any] | Tensor, labels: Labels | None) -> Source:
    kind = "tensor" if isinstance(images, Tensor) else "array"
    values = channels_last(kind, _numpy(images), channels_first=isinstance(images, Tensor))
    return of_arrays(kind, [values], _plain(labels))


def _of_paths(paths: Sequence[Path], labels: Labels | None) -> Source:
    missing = [path for path in paths if not path.is_file()]
    if missing:
        folder = "; a folder is given by its path alone" if missing[0].is_dir() else ""
        raise UserError(
            f"data: {len(missing)} of {len(paths)} paths name no image file, first {missing[0]}"
            f"{folder}."
        )
    files = [path.absolute() for path in paths]
    root = Path(os.path.commonpath([file.parent for file in files]))
    if labels is None:
        return of_files("list of paths", root, files)
    return of_files("list of paths", root, files, *classes_of(_plain(labels), len(files)))


def _of_items(dataset: MapDataset, labels: Labels | None) -> Source:
    """Source of a list of images or of a dataset, whose items may be (image, label)."""
    kind = "list" if isinstance(dataset, list | tuple) else type(dataset).__name__
    count = len(dataset)
    keys, names = _features(dataset)
    if kind != "list":
        _say_if_random(dataset, keys, kind)
    arrays, found = [], []
    for index in progress.track(range(count), count, "reading"):
        image, label = _split(dataset[index], keys, kind)
        arrays.append(_one(image, f"{kind}, item {index}"))
        found.append(label)
    if labels is None and any(label is not None for label in found):
        if None in found:
            raise UserError(f"{kind}: item {found.index(None)} has no label, and others have one.")
        labels = [one.item() if isinstance(one, Tensor | np.generic) else one for one in found]
    return of_arrays(kind, arrays, _plain(labels), names)


def _features(dataset: object) -> tuple[tuple[str | None, str | None], Sequence[str]]:
    """Keys of image and label of a dataset of dictionaries where it says so, and class names."""
    while not hasattr(dataset, "classes") and hasattr(dataset, "dataset"):
        dataset = dataset.dataset  # type: ignore[attr-defined]  # as of PyTorch's Subset
    names = getattr(dataset, "classes", ())
    names = names if isinstance(names, list | tuple) else ()
    features = getattr(dataset, "features", None)
    if not isinstance(features, Mapping):
        return (None, None), names
    kinds = {key: type(feature).__name__ for key, feature in features.items()}
    image = next((key for key, kind in kinds.items() if kind == "Image"), None)
    label = next((key for key, kind in kinds.items() if kind == "ClassLabel"), None)
    names = names if label is None else getattr(features[label], "names", None) or ()
    return (image, label), names


def _split(item: Any, keys: tuple[str | None, str | None], kind: str) -> tuple[Any, Any]:
    """Image and label of an item; None where there is no label."""
    if isinstance(item, Mapping):
        image = _key(item, keys[0], IMAGE_KEYS)
        label = _key(item, keys[1], LABEL_KEYS)
        if image is None:
            raise UserError(
                f"{kind}: its items have {', '.join(map(str, item))}, and no image: they must have "
                f"{IMAGE_KEYS[0]}, and {LABEL_KEYS[0]} where there are classes."
            )
        return item[image], None if label is None else item[label]
    if isinstance(item, tuple | list) and len(item) == 1:
        return item[0], None
    if not (isinstance(item, tuple | list) and len(item) == 2):
        return item, None
    image, label = item
    if not isinstance(label, int | str | np.generic) and np.ndim(label):
        raise UserError(
            f"{kind}: its items are pairs, and of an item (image, label) the label must be a "
            f"number or text, not a {type(label).__name__}."
        )
    return image, label


def _key(item: Mapping[Any, Any], known: str | None, usual: Sequence[str]) -> str | None:
    return next((key for key in (known, *usual) if key is not None and key in item), None)


def _one(image: Any, kind: str) -> NDArray[Any]:
    """One image as an array [1, H, W, C]."""
    if isinstance(image, Image.Image):
        return image_io.to_array(image)[None]
    if isinstance(image, str | Path):
        return image_io.read(path_of(image))[None]
    if not isinstance(image, np.ndarray | Tensor):
        raise UserError(
            f"{kind} is a {type(image).__name__}: images are of Pillow, paths, arrays or tensors."
        )
    values = _numpy(image)
    if values.ndim not in (2, 3):
        raise UserError(
            f"{kind} has the shape {list(values.shape)}: one image has the axes [H, W], [H, W, C] "
            "or [C, H, W]."
        )
    if values.ndim == 2:
        refuse_other_types(kind, values)
        return values[None, :, :, None]
    return channels_last(kind, values[None], channels_first=isinstance(image, Tensor))


def _say_if_random(dataset: MapDataset, keys: tuple[str | None, str | None], kind: str) -> None:
    """Warn of a dataset that gives another image each time."""
    for index in range(min(READ_TWICE, len(dataset))):
        twice = [_split(dataset[index], keys, kind)[0] for _ in range(2)]
        one, other = (_one(image, f"{kind}, item {index}") for image in twice)
        if not np.array_equal(one, other):
            progress.warn(
                f"{kind}: its images differ each time they are read, as by a random transform; "
                "each is read once and stays as it is: leave the transform out, and use flip and "
                "jitter."
            )
            return


def _numpy(values: NDArray[Any] | Tensor) -> NDArray[Any]:
    if not isinstance(values, Tensor):
        return values
    values = values.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()


def _plain(labels: Labels | None) -> Any:
    return _numpy(labels) if isinstance(labels, Tensor) else labels


def _is_array(value: object) -> TypeGuard[NDArray[Any] | Tensor]:
    return isinstance(value, np.ndarray | Tensor)


def _is_set(value: object) -> bool:
    """Whether a value holds several images."""
    if _is_array(value):
        return value.ndim > 2
    return isinstance(value, MapDataset) and not isinstance(value, str | bytes | Image.Image)


def _are_labels(value: object, images: object) -> bool:
    """Whether a value is a label for each of several images."""
    if not _is_set(images):
        return False
    if _is_array(value):
        return value.ndim in (1, 2)
    return isinstance(value, Sequence) and all(
        isinstance(one, int | str | np.generic) for one in value
    )
