"""What an experiment found: pictures, curves and tables, in a folder with a page.

Pictures are PNG files, tables stand in `numbers.json`, and `index.html` shows both.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from reverie.core import image_io
from reverie.core.files import write_atomic
from reverie.core.html import data_uri, page, text
from reverie.core.marks import SHEET_TEXT
from reverie.core.progress import readable_seconds
from reverie.core.result import Json, plain
from reverie.experiments.experiment import Experiment
from reverie.inference.latent.sheets import rows_sheet
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.runs.environment import commit, machine, versions
from reverie.runs.run import Run
from reverie.training.curves import png_of
from reverie.training.figures import loss_curves

Row = Mapping[str, Json]


@dataclass
class Findings:
    """Results of an experiment, collected by its `draw` function.

    Args:
        name: the experiment's name.
        experiment: the experiment, whose trainings are finished.
        folder: where everything goes; the trainings are in its folder `runs`.
        budget: by what the lengths of the trainings were multiplied.
    """

    name: str
    experiment: Experiment
    folder: Path
    budget: float = 1.0
    _parts: list[str] = field(default_factory=list)
    _tables: dict[str, dict[str, Row]] = field(default_factory=dict)
    _pictures: list[Path] = field(default_factory=list)

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The files of all pictures."""
        return tuple(self._pictures)

    @property
    def tables(self) -> dict[str, dict[str, Row]]:
        """All tables, by caption, row and column."""
        return self._tables

    def run(self, training: str) -> Run:
        """The run of a training."""
        return Run(self.folder / "runs" / training)

    def model(self, training: str) -> Model:
        """The model of a training."""
        return load(self.run(training).folder)

    def sheet(
        self,
        name: str,
        images: Float[Tensor, "n c h w"],
        caption: str,
        columns: int | None = None,
    ) -> None:
        """Add images in [-1, 1] as one sheet, small ones magnified."""
        self._add_picture(name, image_io.encode_sheet(images, columns), caption)

    def rows(
        self,
        name: str,
        rows: Mapping[str, Sequence[Float[Tensor, "c h w"]]],
        caption: str,
        titles: Sequence[str] = (),
    ) -> None:
        """Add rows of images in [-1, 1], each with its name below, and titles of columns."""
        self.array(name, rows_sheet(list(rows.values()), titles, list(rows)), caption)

    def array(self, name: str, pixels: UInt8[np.ndarray, "h w c"], caption: str) -> None:
        """Add a picture of uint8 pixels."""
        self._add_picture(name, image_io.encode(pixels, words=SHEET_TEXT), caption)

    def curves(self, name: str, trainings: Sequence[str], loss: str, caption: str) -> None:
        """Add the curve of one logged loss over epochs, with one colour for each training."""
        runs = [loss_curves(self.run(training), training) for training in trainings]
        self._add_picture(name, png_of(runs, [loss], "epochs"), caption)

    def table(self, caption: str, rows: Mapping[str, Row]) -> None:
        """Add a table of figures; the caption says of what: features, count, split, seed."""
        self._tables[caption] = dict(rows)
        self._parts.append(_table(caption, rows))

    def note(self, words: str) -> None:
        """Add a paragraph."""
        self._parts.append(f"<p>{text(words)}</p>")

    def write(self, command: str) -> Path:
        """Write the numbers and the page; returns the page's path."""
        runs = {training: _pace(self.run(training)) for training in self.experiment.trainings}
        facts = {"experiment": self.name, "budget": self.budget, "command": command}
        facts |= {"machine": machine(), "versions": versions(), "commit": commit()}
        content = facts | {"trainings": runs, "tables": self._tables}
        write_atomic(self.folder / "numbers.json", json.dumps(plain(content), indent=2) + "\n")
        trainings = _table("The trainings, and their time here", runs) if runs else ""
        body = f"""<h1>{text(self.name)}</h1><p class="about">{text(self.experiment.about)}</p>
<p><code>{text(command)}</code></p>{"".join(self._parts)}{trainings}
<p class="about">{text(facts["machine"]["processor"])}, {facts["machine"]["threads"]} threads</p>"""
        write_atomic(self.folder / "index.html", page(text(f"{self.name} · reverie"), body))
        return self.folder / "index.html"

    def _add_picture(self, name: str, png: bytes, caption: str) -> None:
        path = self.folder / f"{name}.png"
        write_atomic(path, png)
        self._pictures.append(path)
        self._parts.append(
            f'<figure><img alt="{text(caption)}" src="{data_uri(png)}">'
            f"<figcaption>{text(caption)}</figcaption></figure>"
        )


def _table(caption: str, rows: Mapping[str, Row]) -> str:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    head = "".join(f"<th>{text(column)}</th>" for column in columns)
    body = "".join(
        f"<tr><td>{text(name)}</td>"
        + "".join(f"<td>{text(_shown(row.get(column)))}</td>" for column in columns)
        + "</tr>"
        for name, row in rows.items()
    )
    return f"<h2>{text(caption)}</h2><table><tr><th></th>{head}</tr>{body}</table>"


def _pace(run: Run) -> Row:
    last, recipe = run.read_log()[-1], run.recipe()
    return {
        "method": recipe.method,
        "steps": last["step"],
        "images seen": last["images_seen"],
        "time": readable_seconds(last["seconds"]),
    }


def _shown(value: Json) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if math.isfinite(value) else "–"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
