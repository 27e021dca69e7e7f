"""Draw the packages and their floors into `docs/architecture.md`.

    python scripts/draw_architecture.py [--check]

The floors are the table `FLOORS` of `tests/test_structure.py`, the one that the test of the imports
uses; the files are those of `src/reverie`. The drawing stands between two marks in the page.
`--check` exits with 1 if the page has another one.
"""

import ast
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "reverie"
TABLE = ROOT / "tests" / "test_structure.py"
PAGE = ROOT / "docs" / "architecture.md"

BEGIN = "<!-- drawn by scripts/draw_architecture.py: do not edit -->"
END = "<!-- end of the drawing -->"
WIDTH = 96


def floors(table: Path = TABLE) -> list[list[str]]:
    """The names on each floor, from the top down, as the test of the imports has them."""
    for node in ast.parse(table.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS":
            return [sorted(floor) for floor in ast.literal_eval(node.value)]
    raise LookupError(f"{table} has no FLOORS")


def contents(name: str, package: Path = PACKAGE) -> list[str]:
    """A package's files and folders in one line each: `files` first, then `folder/: files`."""
    folder = package / name
    files = " ".join(f.stem for f in sorted(folder.glob("*.py")) if f.stem != "__init__")
    inner = (f for f in sorted(folder.iterdir()) if f.is_dir() and f.name[0] not in "_.")
    deeper = [(one.name, contents(one.name, folder)) for one in inner if any(one.glob("*.py"))]
    lines = [files] if files else []
    for title, below in deeper:
        head, *rest = below or [""]
        lines += [f"{title}/: {head}", *(f"{title}/{line}" for line in rest)]
    return lines


def drawing() -> str:
    """The house: a box for each package, those of one floor side by side; modules in the title."""
    lines = []
    for floor in floors():
        packages = [name for name in floor if (PACKAGE / name).is_dir()]
        modules = [f.name for name in floor for f in sorted(PACKAGE.glob(f"{name}.py*"))]
        titles = [", ".join([*packages[:1], *modules]), *packages[1:]]
        width = WIDTH // len(titles)
        boxes = [
            box(title, contents(name) if name else [], width)
            for title, name in zip(titles, packages or [""], strict=True)
        ]
        height = max(map(len, boxes))
        padded = [one[:-1] + [blank(one)] * (height - len(one)) + one[-1:] for one in boxes]
        lines += ["".join(parts) for parts in zip(*padded, strict=True)]
    return "\n".join(["```text", *lines, "```"])


def box(title: str, texts: Sequence[str], width: int) -> list[str]:
    """The lines of a box."""
    inside = [line for text in texts for line in wrapped(text, width - 4)]
    top = f"┌─ {title} " + "─" * (width - len(title) - 5) + "┐"
    bottom = "└" + "─" * (width - 2) + "┘"
    return [top, *(f"│ {line:<{width - 4}} │" for line in inside), bottom]


def wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


def blank(one: Sequence[str]) -> str:
    return f"│{' ' * (len(one[0]) - 2)}│"


def page(text: str) -> str:
    """The page with the present drawing between its marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{drawing()}\n\n{END}{after}"


def main(argv: Sequence[str]) -> int:
    """Draw, or compare."""
    text = PAGE.read_text()
    if "--check" in argv:
        if page(text) == text:
            return 0
        where = "docs/architecture.md is out of date"
        print(f"{where}: python scripts/draw_architecture.py", file=sys.stderr)
        return 1
    PAGE.write_text(page(text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
