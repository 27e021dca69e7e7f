"""HTML report of an evaluation: metrics, samples and their nearest training images."""

import html
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.html import data_uri, page, table


def write_evaluation(
    out: Path,
    name: str,
    data: str,
    figures: dict[str, Any],
    samples: Float[Tensor, "n c h w"],
    nearest_neighbors: Float[Tensor, "m c h w"],
) -> None:
    """Write the HTML report of an evaluation.

    Args:
        out: path ending in .html.
        name: the model's name.
        data: name of the dataset.
        figures: metrics by name; per-class ones (`, class ` in the name) get a table of their own.
        samples: generated images in [-1, 1].
        nearest_neighbors: rows of six images: a sample and its five nearest training images.

    Raises:
        UserError: if `out` does not end in .html.
    """
    if out.suffix != ".html":
        raise UserError(f"{out}: the report of an evaluation is an .html file.")
    whole = {k: v for k, v in figures.items() if ", class " not in k}
    single = {k: v for k, v in figures.items() if k not in whole}
    shown = [{k: f"{v:.4g}" for k, v in part.items()} for part in (whole, single)]
    sides = [
        f'<img alt="" src="{data_uri(image_io.encode_sheet(p, columns=c))}">'
        for p, c in ((samples, None), (nearest_neighbors, 6))
    ]
    each = f"<h2>By class</h2>{table(shown[1])}" if single else ""
    body = f"""<h1>{html.escape(name)}</h1>
<p class="about">compared with {html.escape(data)}</p>{table(shown[0])}
<div class="row"><div><h2>Samples</h2>{sides[0]}</div>
<div><h2>A sample, then its five nearest training images</h2>{sides[1]}</div></div>{each}"""
    write_atomic(out, page(f"{html.escape(name)} · evaluation", body))
