"""Prints figures of the package's structure, for one source tree or for two side by side.

    python scripts/structure.py [--src src] [--against OLD_SRC] [--tests tests] [--files]

Files are parsed, not imported: a tree of any commit can be measured. Parts are the modules and
packages directly below `reverie`, `__init__` apart. Their imports are the statements anywhere in
their files, inside functions too, but not under `if TYPE_CHECKING`; `from reverie import name`
imports what `__init__` takes the name from. Floors are the parts on the longest chain of imports
below `__main__`; a circle (parts that import each other, directly or by others) is one. Lines are
all lines of a file. A function's run from `def` to its end; methods and nested ones count.

A journey is what is read from the command line to one line of code: the gradient step of
`reverie train METHOD`, or the first forward of the network in `translate`, `upscale` and `dream`.
It is the whole files, each once, that define the waypoints in JOURNEYS, chosen by hand by one rule:
the functions on the call stack at that line; for a training, also those of its loss down to the
forward of each network, with the default options; for inference, also where the network, its tiles
and the dream's objective come from. Left out: parsing, options, presets; finding, reading and
writing data, models and images; the layers inside a network; progress, monitoring. The row "and the
types it passes" adds where the arguments of the step are defined: phase, batch, random numbers,
learning rate. For dcgan at commit 6e6a689 that gives 12 files and 1,817 lines. An earlier count
gave 12 and 1,710: as many as with data/__init__, which passes `Batch` on, for data/batches.

Places that name X are lines outside X's own file and the tests with a string that equals its name,
or with an identifier, defined, imported or used. Longer strings, such as help texts, are not
searched, and presets that use X are counted: this is not exactly the number of edits X needs.
"""

import argparse
import ast
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "reverie"

# fmt: off
TRAINING = (
    "main", "cli.train:train | train_command:train | TrainCommand.run", "api:train",
    "train_recipe", "fit", "training.loop:update | Training.update",
)
TYPES = ("learning_rate", "Phase", "Batch", "Rng | Draw")
JOURNEYS = {
    "train dcgan": (
        *TRAINING, "DCGAN.phases", "GANObjective.discriminator_loss | Game.discriminator_loss",
        "Generator.forward", "Discriminator.forward", "AdversarialPair",
    ),
    "train cyclegan": (
        *TRAINING, "CycleGAN.generators_loss", "FakeQueue | Handover", "ImagePool | Pool",
        "DiscriminatorLoss.generator_loss | Judge.generator_loss",
        "ResNetGenerator.forward", "PatchDiscriminator.forward", "AdversarialPair",
    ),
    "train srresnet": (
        *TRAINING, "SRResNet.loss", "SuperResolution.small | UpscalingMethod.small",
        "downscale | shrink", "Upscaler.forward",
    ),
    "train dcgan, and the types it passes": (
        *TRAINING, *TYPES, "DCGAN.phases",
        "GANObjective.discriminator_loss | Game.discriminator_loss",
        "Generator.forward", "Discriminator.forward", "AdversarialPair",
    ),
    "translate": (
        "main", "cli.translate:translate | picture_commands:translate | TranslateCommand.run",
        "api:translate", "translate_files", "Model.translate", "Translates",
        "CycleGAN.translator", "run_tiled | tiling:through", "ResNetGenerator.forward",
    ),
    "upscale": (
        "main", "cli.upscale:upscale | picture_commands:upscale | UpscaleCommand.run",
        "api:upscale", "upscale_files", "Model.tiled_upscaler | Model.enlarger", "Upscales",
        "SuperResolution.upscaler | UpscalingMethod.upscaler",
        "TiledUpscaler.parts | Enlarger.parts", "tiles", "Upscaler.forward",
    ),
    "dream": (
        "main", "cli.dream:dream | picture_commands:dream | DreamCommand.run", "api:dream",
        "dream_image | dream_picture", "dream_for", "dream_file", "objective_of",
        "DreamObjective | dreaming:Objective", "fuse_backbone | quick_backbone",
        "dream_steps | dream_of", "gradient_of", "Backbone.activations",
        "EfficientNetLite.forward",
    ),
}
"""Waypoints `module:qualified.name`; the module, or its last parts, may be left out where the name
is defined once. Names that a thing has had are separated by `|`, the newest first."""

ONLY_IF_CALLED = {"api:train": "api.train("}
"""Waypoints that count only where a file before them on the journey holds this text."""

EXAMPLES = {
    "method dcgan": ("DCGAN", {"dcgan", "DCGAN", "DCGANOptions"}),
    "dataset photos": ("sets.photos: | data.photos:", {"photos", "get_photos", "fetch_photos"}),
    "backbone googlenet": ("GoogLeNet", {"googlenet", "GoogLeNet"}),
    "upscaler family msrresnet": ("MSRResNet", {"msrresnet", "MSRResNet"}),
    "loss hinge": ("AdversarialPair", {"hinge"}),
    "command interpolate": ("picture_commands:interpolate | InterpolateCommand",
                            {"interpolate", "InterpolateCommand"}),
}
"""Things of each kind: a waypoint that finds the own file, and the words that name it."""
# fmt: on


@dataclass(frozen=True)
class Module:
    """One source file; its name is dotted, without `reverie.`."""

    name: str
    path: Path
    text: str
    tree: ast.Module
    definitions: frozenset[str]
    lines: int


@dataclass(frozen=True)
class Tree:
    """The package below a source folder, by the names of its modules."""

    root: Path
    modules: dict[str, Module]
    test_lines: int

    @staticmethod
    def read(src: Path, tests: str = "tests") -> "Tree":
        """Parse all files; tests lie in the folder of that name beside `src`."""
        root, modules = src / PACKAGE, {}
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
            text = path.read_text(encoding="utf-8")
            parsed, lines = ast.parse(text), len(text.splitlines())
            modules[name] = Module(name, path, text, parsed, frozenset(defined(parsed)), lines)
        if not modules:
            sys.exit(f"{src}: there is no package {PACKAGE} here.")
        beside = (src.parent / tests).rglob("*.py")
        return Tree(root, modules, sum(len(path.read_text().splitlines()) for path in beside))

    def find(self, waypoint: str) -> Module:
        """The module that defines a waypoint; a LookupError if none does, or more than one."""
        for candidate in waypoint.split(" | "):
            tail, _, name = candidate.rpartition(":")
            end = tail and f".{tail}"
            fitting = (m for m in self.modules.values() if f".{m.name}".endswith(end))
            found = [module for module in fitting if not name or name in module.definitions]
            if len(found) > 1:
                places = " and ".join(module.name for module in found)
                raise LookupError(f"{candidate} is defined in {places}: say which")
            if found:
                return found[0]
        raise LookupError(f"{waypoint} is defined nowhere: add its present name to JOURNEYS")


def defined(node: ast.AST, prefix: str = "") -> Iterator[str]:
    """Qualified names of the functions and classes that are not inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name
            if isinstance(child, ast.ClassDef):
                yield from defined(child, f"{prefix}{child.name}.")


def _last(node: ast.expr) -> str:
    return ast.unparse(node).split(".")[-1]


def parts_of(tree: Tree) -> dict[str, bool]:
    """The modules and packages directly below the package, and whether each is a package."""
    tops = {module.path.relative_to(tree.root).parts[0] for module in tree.modules.values()}
    return {top.removesuffix(".py"): not top.endswith(".py") for top in tops - {"__init__.py"}}


def import_statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of a file, at any depth, but for those under `if TYPE_CHECKING`."""
    children = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and _last(node.test) == "TYPE_CHECKING":
        children = iter(node.orelse)
    for child in children:
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from import_statements(child)


def imported_names(statement: ast.Import | ast.ImportFrom) -> list[str]:
    """Dotted names that a statement imports from the package, without `reverie.`."""
    names = [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        if statement.level:
            sys.exit(f"relative imports are not read: {ast.unparse(statement)}")
        names = [f"{statement.module}.{name}" for name in names]
    prefix = f"{PACKAGE}."
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def public_homes(tree: Tree) -> dict[str, str]:
    """The part that each public name of the package comes from."""
    init = tree.modules.get("__init__")
    return {
        alias.asname or alias.name: f"{statement.module}..".split(".")[1]
        for statement in (ast.walk(init.tree) if init else ())
        if isinstance(statement, ast.ImportFrom) and statement.module != PACKAGE
        for alias in statement.names
    }


def import_graph(tree: Tree) -> dict[str, set[str]]:
    """The other parts that each part imports."""
    parts, homes = set(parts_of(tree)) - {"__main__"}, public_homes(tree)
    graph: dict[str, set[str]] = {part: set() for part in parts}
    for name, module in tree.modules.items():
        part = name.split(".")[0]
        for statement in import_statements(module.tree) if part in parts else ():
            firsts = {imported.split(".")[0] for imported in imported_names(statement)}
            graph[part] |= {first if first in parts else homes.get(first, "") for first in firsts}
    return {part: graph[part] & parts - {part} for part in sorted(parts)}


def circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """Sets of parts that import each other, directly or by others."""
    reach = {part: set(others) for part, others in graph.items()}
    for middle in graph:
        for part in graph:
            if middle in reach[part]:
                reach[part] |= reach[middle]
    return {frozenset(b for b in reach[a] if a in reach[b]) for a in graph} - {frozenset()}


def floors(graph: dict[str, set[str]]) -> list[str]:
    """The longest chain of imports from the top down; a circle is one floor."""
    floor = {part: frozenset({part}) for part in graph}
    for circle in circles(graph):
        floor |= dict.fromkeys(circle, circle)

    @cache
    def chain(here: frozenset[str]) -> list[str]:
        below = {floor[other] for part in here for other in graph[part]} - {here}
        return [" <-> ".join(sorted(here)), *longest(map(chain, below))]

    def longest(chains: Iterable[list[str]]) -> list[str]:
        return max(chains, key=lambda one: (len(one), one), default=[])

    return longest(map(chain, floor.values()))


def function_figures(tree: Tree) -> tuple[list[int], list[bool]]:
    """The lengths of all functions, sorted; whether each argument but self and cls is annotated."""
    nodes = [node for module in tree.modules.values() for node in ast.walk(module.tree)]
    functions = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = sorted((f.end_lineno or f.lineno) - f.lineno + 1 for f in functions)
    arguments = [a for f in functions for a in ast.iter_child_nodes(f.args)]
    named = [a for a in arguments if isinstance(a, ast.arg) and a.arg not in ("self", "cls")]
    return lengths, [a.annotation is not None for a in named]


def journey(tree: Tree, waypoints: Sequence[str]) -> tuple[list[Module], list[str]]:
    """The files that a journey enters, in order, and what is wrong with its waypoints."""
    found: list[Module] = []
    wrong = []
    for waypoint in waypoints:
        call = ONLY_IF_CALLED.get(waypoint)
        if call and not any(call in module.text for module in found):
            continue
        try:
            module = tree.find(waypoint)
            found += [module] if module not in found else []
        except LookupError as error:
            wrong.append(str(error))
    return found, wrong


def places_naming(tree: Tree, own: Module, words: set[str]) -> list[int]:
    """How many lines name a thing, for each file other than its own that does."""
    files = [module.tree for module in tree.modules.values() if module is not own]
    named = [{n.lineno for n in ast.walk(file) if is_named(n, words)} for file in files]  # type: ignore[attr-defined]
    return [len(lines) for lines in named if lines]


def is_named(node: ast.AST, words: set[str]) -> bool:
    """Whether a node is a string or an identifier among words, but for PyTorch's functions."""
    match node:
        case ast.Attribute(attr=word, value=value) if word in words:
            return _last(value) not in ("F", "functional")
        case ast.Constant(value=str(word)) | ast.Name(id=word) | ast.alias(name=word):
            return word in words
        case ast.ClassDef(name=word) | ast.FunctionDef(name=word):
            return word in words
    return False


def figures(tree: Tree) -> tuple[dict[str, str], list[str]]:
    """The figures of a tree by their names, and what could not be found."""
    parts, graph = parts_of(tree), import_graph(tree)
    lengths, annotated = function_figures(tree)
    lines = sum(module.lines for module in tree.modules.values())
    packages, middle = sum(parts.values()), statistics.median(lengths or [0])
    p90 = lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0
    shown = {
        "top-level modules + packages": f"{len(parts) - packages} + {packages}",
        "import floors": f"{len(floors(graph))}",
        "circular imports between parts": f"{len(circles(graph))}",
        "source files": f"{len(tree.modules)}",
        "source lines": f"{lines:,}",
        "function lines: median, p90, longest": f"{middle:g}, {p90}, {max(lengths, default=0)}",
        "arguments annotated": f"{statistics.mean(annotated or [0]):.1%} of {len(annotated):,}",
        "test lines per source line": f"{tree.test_lines / max(lines, 1):.2f}",
    }
    missing = []
    for name, waypoints in JOURNEYS.items():
        found, wrong = journey(tree, waypoints)
        missing += [f"{name}: {one}" for one in wrong]
        total = f"{len(found)} files, {sum(module.lines for module in found):,} lines"
        shown[f"to read: {name}"] = "NOT FOUND" if wrong else total
    for name, (own, words) in EXAMPLES.items():
        found, wrong = journey(tree, [own])
        missing += [f"{name}: {one}" for one in wrong]
        counts = [] if wrong else places_naming(tree, found[0], words)
        total = f"{len(counts)} files, {sum(counts)} lines"
        shown[f"places that name {name}"] = "NOT FOUND" if wrong else total
    return shown, missing


def table(heads: Sequence[str], columns: Sequence[dict[str, str]]) -> str:
    """Figures side by side, in Markdown."""
    rows = [["", *heads], *([name, *(c[name] for c in columns)] for name in columns[0])]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    cells = ([cell.ljust(w) for cell, w in zip(row, widths, strict=True)] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a waypoint is not found, which is said on standard error."""
    parser = argparse.ArgumentParser(description="Figures of the package's structure.")
    parser.add_argument("--src", type=Path, default=Path("src"), help="the source folder")
    parser.add_argument("--against", type=Path, help="another source folder, shown before it")
    parser.add_argument("--tests", default="tests", help="the folder of tests beside each")
    parser.add_argument("--files", action="store_true", help="list floors and each journey's files")
    options = parser.parse_args(argv)
    places = [place for place in (options.against, options.src) if place]
    trees = [Tree.read(place.resolve(), options.tests) for place in places]
    results = [figures(tree) for tree in trees]
    print(table([str(place) for place in places], [shown for shown, _ in results]))
    for place, tree in zip(places, trees, strict=True) if options.files else ():
        lists = {"floors": floors(import_graph(tree))}
        for name, way in JOURNEYS.items():
            lists[name] = [f"{module.name} {module.lines}" for module in journey(tree, way)[0]]
        print("", *(f"{place}: {name}: {', '.join(one)}" for name, one in lists.items()), sep="\n")
    missing = [f"{p}: {one}" for p, r in zip(places, results, strict=True) for one in r[1]]
    for one in missing:
        print(f"NOT FOUND: {one}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
