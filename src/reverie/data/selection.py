"""Parts of a dataset, chosen by an expression over attributes and classes."""

import hashlib
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.options import flag_of
from reverie.core.result import counted
from reverie.data.expressions import parse_group
from reverie.data.source import Source, of_files, of_pixels

Mask = Bool[np.ndarray, " n"]


def select(source: Source, expression: str, option: str, data: str) -> Source:
    """The images of a source that belong to a group; classes without an image are left out.

    Args:
        source: images with attributes or classes.
        expression: `Smiling & !Male`, in the grammar of `expressions`.
        option: the name of the option that holds the expression, for messages.
        data: what names the dataset, for messages.

    Raises:
        UserError: if the source has no attributes and no classes, the expression is wrong, or no
            image belongs to the group.
    """
    masks = properties(source)
    if not masks:
        raise UserError(
            f"{flag_of(option)} chooses images by attributes or classes, and {data} has none: use "
            "a folder of class folders, CelebA's list, or a table with columns of 0 and 1 or with "
            "--label-column."
        )
    chosen = parse_group(expression, list(masks))(masks.__getitem__)
    if not chosen.any():
        raise UserError(
            f"{flag_of(option)} {expression!r}: none of the {len(chosen):,} images of {data} "
            f"(split {source.split}) is like that."
        )
    return part_of(source, chosen)


def properties(source: Source) -> dict[str, Mask]:
    """The mask of each class and each attribute, by name; an attribute goes before a class."""
    classes: dict[str, Mask] = {}
    if source.labels is not None:
        classes = {name: source.labels == i for i, name in enumerate(source.class_names)}
    return classes | dict(source.attributes)


def part_of(source: Source, chosen: Mask) -> Source:
    """The images at which a mask is True, as a source of their own."""
    kept = [int(index) for index in np.flatnonzero(chosen)]
    labels, class_names = source.labels, source.class_names
    if labels is not None:
        present = np.unique(labels[kept])
        labels = np.searchsorted(present, labels[kept]).astype(np.int64)
        class_names = tuple(class_names[index] for index in present)
    if source.pixels is not None:
        part = of_pixels(source.kind, source.pixels[kept], labels, class_names)
    elif source.files:
        files = [source.files[index] for index in kept]
        part = of_files(source.kind, source.root, files, labels, class_names)
    else:
        which = hashlib.sha256(repr(kept).encode()).hexdigest()[:16]
        part = replace(
            source,
            names=[source.names[index] for index in kept],
            read=lambda index, fit: source.read(kept[index], fit),
            digest=lambda: f"{source.digest()}-{which}",
            labels=labels,
            class_names=class_names,
        )
    attributes = {name: mask[kept] for name, mask in source.attributes.items()}
    size = source.native_size
    return replace(part, split=source.split, attributes=attributes, native_size=size)


def two_domains(
    source: Source, domain_a: str | None, domain_b: str | None, data: str
) -> tuple[Source, Source]:
    """The images of domain A and those of domain B, without classes; the numbers are printed.

    Raises:
        UserError: if an expression is missing or wrong, or a domain is empty.
    """
    if domain_a is None or domain_b is None:
        raise UserError("--domain-a and --domain-b are given together.")
    a, b = (
        replace(select(source, expression, option, data), labels=None, class_names=())
        for option, expression in (("domain_a", domain_a), ("domain_b", domain_b))
    )
    progress.say(f"domain A: {counted(len(a.names), 'image')}, domain B: {len(b.names):,}")
    return a, b
