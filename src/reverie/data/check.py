"""Check of a dataset: decodes all images; summarizes sizes, channels, classes and errors."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.image_folder import scan_folder
from reverie.core.result import FAILED_IN_PART, Json, Result, lines_of
from reverie.data.sources import find_source


@dataclass(frozen=True)
class CheckResult(Result):
    """What is in a dataset, and what is wrong with its broken files."""

    facts: dict[str, Json]

    def to_json(self) -> dict[str, Json]:
        return self.facts

    def summary(self) -> str:
        return lines_of(self.facts)

    @property
    def exit_code(self) -> int:
        return FAILED_IN_PART if self.facts["broken"] else 0


def check_data(data: str, split: str = "train", label_column: str | None = None) -> CheckResult:
    """Read every image of a dataset and return a summary.

    Args:
        data: a dataset as for `find_source`.
        split: `train`, `test` or `all`.
        label_column: the column of a table that holds the class.

    Returns:
        Number of images, sizes, channels, images per class, files of a folder that are skipped by
        reason, and errors by file name.

    Raises:
        UserError: if there is no such dataset.
    """
    source = find_source(data, split, label_column)
    sizes: Counter[tuple[int, int]] = Counter()
    colours: Counter[str] = Counter()
    broken = dict(source.broken)
    names = progress.track(enumerate(source.names), len(source.names), "reading")
    for index, name in names:
        try:
            pixels = source.read(index, None)
        except UserError as error:
            broken[name] = str(error)
            continue
        sizes[pixels.shape[:2]] += 1
        colours["grey" if image_io.is_grayscale(pixels) else "colour"] += 1
    facts: dict[str, Json] = {"data": data, "kind": source.kind, "images": sizes.total()}
    if sizes:
        sides = sorted(min(size) for size in sizes.elements())
        facts |= {
            "sizes": {f"{w}×{h}": n for (h, w), n in sizes.most_common(5)},
            "shorter_side": {
                "least": sides[0],
                "median": sides[len(sides) // 2],
                "most": sides[-1],
            },
            "colours": dict(colours),
        }
    if source.labels is not None:
        counts = Counter(source.labels.tolist())
        facts["classes"] = {name: counts[i] for i, name in enumerate(source.class_names)}
    root = Path(data).expanduser()
    if source.files and root.is_dir():
        facts["skipped"] = scan_folder(root).said(root)
    return CheckResult(facts | {"broken": broken})
