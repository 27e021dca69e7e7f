"""Write `src/reverie/api.pyi`: the public functions with every option as a typed keyword argument.

    python scripts/write_stubs.py [--check]

Options are declared once, in the dataclasses of `reverie.inference.options`; `reverie.api` takes
their fields as keyword arguments. Type checkers and editors need them spelled out, and this file
does that; `make format` formats it. `--check` exits with 1 if the stub differs from what this would
write, formatting apart.
"""

import ast
import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from reverie.data import DataOptions
from reverie.inference import options as verbs
from reverie.methods.recipe import TrainOptions

API = Path(__file__).parents[1] / "src" / "reverie" / "api.py"
EXTRA = dict.fromkeys(("train", "sweep"), (DataOptions, TrainOptions))
"""Functions whose keyword arguments are the fields of several dataclasses."""

FUNCTIONS = ("optimizer", "schedule")
"""Options that `train` also takes as functions."""


def type_text(kind: Any) -> str:
    """A field's type as source, without its bounds."""
    if get_origin(kind) is Annotated:
        return type_text(get_args(kind)[0])
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    name = getattr(get_origin(kind), "__name__", "")
    parts = [type_text(part) for part in get_args(kind) if part is not type(None)]
    if name == "Literal":
        return f"Literal[{', '.join(map(repr, get_args(kind)))}]"
    if name == "tuple":
        inner = type_text(get_args(kind)[0])
        return f"Sequence[{inner}]"
    optional = " | None" if type(None) in get_args(kind) else ""
    return " | ".join(parts) + optional


def keywords_of(*kinds: type) -> list[str]:
    """The fields of options dataclasses as keyword arguments with their defaults."""
    lines = []
    for field in (f for kind in kinds for f in dataclasses.fields(kind)):
        # A required field is not required where `options=` is given.
        required = field.default is dataclasses.MISSING
        default = "..." if required else _default(field.default)
        text = type_text(field.type).replace("Path", "str | Path")
        text += " | Callable[..., object]" if field.name in FUNCTIONS else ""
        lines.append(f"    {field.name}: {text} = {default},")
    return lines


def _default(value: object) -> str:
    return "..." if isinstance(value, Path) else repr(value)


def stub_of(function: ast.FunctionDef) -> str:
    """A public function as a stub: its own parameters, then every option."""
    own = function.args
    decorators = [ast.unparse(d) for d in function.decorator_list]
    kinds = [getattr(verbs, d.split("(")[1][:-1]) for d in decorators if "accepts_fields" in d]
    kinds += EXTRA.get(function.name, ())
    named = {a.arg for a in [*own.args, *own.kwonlyargs]}
    positional = [_parameter(a, d) for a, d in _with_defaults(own.args, own.defaults)]
    keyword = [_parameter(a, d) for a, d in zip(own.kwonlyargs, own.kw_defaults, strict=True)]
    options = [line for line in keywords_of(*kinds) if line.split(":")[0].strip() not in named]
    star = ["    *,"] if keyword or options else []
    rest = [f"    **{own.kwarg.arg}: {ast.unparse(own.kwarg.annotation)},"] if own.kwarg else []  # type: ignore[arg-type]
    lines = [*positional, *star, *keyword, *options, *rest]
    returns = ast.unparse(function.returns) if function.returns else "None"
    return "\n".join([f"def {function.name}(", *lines, f") -> {returns}: ..."])


def _with_defaults(args: list[ast.arg], defaults: list[ast.expr]):
    return zip(args, [None] * (len(args) - len(defaults)) + defaults, strict=True)


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    kind = ast.unparse(argument.annotation) if argument.annotation else "Any"
    return f"    {argument.arg}: {kind}" + (" = ...," if default is not None else ",")


def stub() -> str:
    """The whole stub."""
    tree = ast.parse(API.read_text())
    imports = [ast.unparse(n) for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    kept = [line for line in imports if " as _" not in line and "accepts_fields" not in line]
    # `X as X` marks what a stub re-exports.
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"]
    constants = [ast.unparse(n) for n in tree.body if isinstance(n, ast.Assign)]
    head = [
        "# Written by scripts/write_stubs.py: do not edit.",
        "# ruff: noqa",
        "# fmt: off",
        "from typing import Literal",
        "from reverie.core.options import OptionValue",
        *kept,
    ]
    return "\n".join([*head, "", *constants, "", *map(stub_of, functions)]) + "\n"


def main() -> int:
    """Write the stub, or compare it."""
    target, text = API.with_suffix(".pyi"), stub()
    if "--check" in sys.argv:
        if ast.dump(ast.parse(target.read_text())) == ast.dump(ast.parse(text)):
            return 0
        print("api.pyi is out of date: python scripts/write_stubs.py", file=sys.stderr)
        return 1
    target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
