"""The sides of a dataset: one, two domains of translation, or high and low resolution."""

from typing import Literal

from reverie.core.errors import UserError
from reverie.data.options import DataOptions
from reverie.data.paired import find_low_res_pairs, find_paired
from reverie.data.selection import select, two_domains
from reverie.data.source import Source
from reverie.data.sources import find_source

Sides = Literal["one", "paired", "unpaired", "degraded"]
"""One dataset, two domains with or without pairs, or high-resolution images that are downscaled."""


def find_sides(
    options: DataOptions, data: str, sides: Sides, scale: int
) -> tuple[Source, Source | None]:
    """The images, and those of domain B or the low-resolution ones where there are two sides."""
    by_expression = options.domain_a is not None or options.domain_b is not None
    if by_expression and sides != "unpaired":
        raise UserError(
            "--domain-a and --domain-b are for translation without pairs; --where chooses images."
        )
    if options.pair_by is not None:
        if sides not in ("paired", "unpaired"):
            raise UserError("--pair-by is for translation, as by pix2pix.")
        if by_expression or options.data_b is not None:
            raise UserError(
                "--pair-by makes the inputs from the images of one dataset: give no --data-b, "
                "--domain-a or --domain-b; --where chooses images."
            )
        source = _chosen(options, data)
        return source, source
    if by_expression:
        if options.data_b is not None:
            raise UserError("domain B is given by --data-b or by --domain-b, not by both.")
        source = _chosen(options, data)
        a, b = two_domains(source, options.domain_a, options.domain_b, data)
        return (b, a) if options.direction == "ba" else (a, b)
    if sides == "degraded" and options.data_b is not None:
        small = find_source(options.data_b, options.split)
        return find_low_res_pairs(_chosen(options, data), small, scale)
    if sides in ("one", "degraded"):
        return _chosen(options, data), None
    if options.where is not None:
        raise UserError(
            "of two folders no images are chosen by --where: use --domain-a and --domain-b on one "
            "dataset."
        )
    return find_paired(
        data,
        options.data_b,
        options.split,
        paired=sides == "paired",
        swapped=options.direction == "ba",
    )


def _chosen(options: DataOptions, data: str) -> Source:
    """The images of one dataset, or those of them that `where` chooses."""
    source = find_source(data, options.split, options.label_column)
    return source if options.where is None else select(source, options.where, "where", data)
