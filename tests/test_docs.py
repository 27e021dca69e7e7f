"""The documentation is true: generated pages are current, code compiles, commands exist."""

import ast
import dataclasses
import importlib
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path
from types import ModuleType

import pytest

import reverie
from reverie.cli.data import DataGetFlags
from reverie.cli.main import COMMANDS, parse_command, text_asked_for
from reverie.cli.parse import flags
from reverie.cli.sweep import SweepFlags
from reverie.cli.train import TrainFlags, flags_of
from reverie.cli.verbosity import QUIET, VERBOSE
from reverie.core.errors import UserError
from reverie.data import DATASETS
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for

TRAINING = {"train": TrainFlags, "sweep": SweepFlags}
"""Commands whose flags depend on a method, with those of their own."""

NOT_PARSED = ("--resume", "--help", "--help-all")
"""Flags that need a run, or print a help."""

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "reverie"
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
"""Every page that describes the present code; the changelog also names what is gone."""


def script(name: str) -> ModuleType:
    path = ROOT / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """The language and the code of each block."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)


def spans(text: str) -> Iterator[str]:
    """Code within sentences, each on one line."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    yield from (" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose))


def commands(text: str, program: str) -> Iterator[list[str]]:
    """The words of each command of `program`, in blocks and in sentences."""
    lines = [line for kind, code in blocks(text) if not kind for line in code.splitlines()]
    for line in (*lines, *spans(text)):
        for part in line.split(";"):
            if part.strip().startswith(f"{program} "):
                yield shlex.split(part, comments=True)


@pytest.mark.parametrize("name", ["write_options", "write_index", "draw_architecture"])
def test_generated_pages_are_current(name: str) -> None:
    assert script(name).main(["--check"]) == 0, f"run python scripts/{name}.py"


def test_the_typed_keywords_are_current() -> None:
    """Whatever the format of the file."""
    written, stub = (PACKAGE / "api.pyi").read_text(), script("write_stubs").stub()
    assert ast.dump(ast.parse(written)) == ast.dump(ast.parse(stub)), "run scripts/write_stubs.py"


def test_a_stale_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("write_options", "draw_architecture"):
        module = script(name)
        stale = tmp_path / module.PAGE.name
        stale.write_text(module.PAGE.read_text().replace("sample", "sampled", 1))
        monkeypatch.setattr(module, "PAGE", stale)
        assert module.main(["--check"]) == 1
        assert module.main([]) == 0
        assert module.main(["--check"]) == 0


def test_the_drawing_is_of_the_floors_that_imports_are_tested_with() -> None:
    from tests.test_structure import FLOORS

    drawn = script("draw_architecture")
    assert [set(floor) for floor in drawn.floors()] == FLOORS
    for floor in FLOORS:
        assert all(re.search(rf"─ .*\b{name}\b.* ─", drawn.drawing()) for name in floor)


def test_the_options_page_has_every_flag() -> None:
    sections = dict(re.findall(r"^##+ (.+?)\n(.*?)(?=^## |^### |\Z)", OPTIONS, re.M | re.S))
    shared = sections["Run"] + sections["Dataset and preprocessing"] + sections["Training"]
    shared += sections["Every method"]
    hidden = {"--help", "--json", "--no-json"}
    for name in METHODS:
        shown = set(re.findall(r"`(--[\w-]+)", shared + sections[f"train {name}"]))
        assert shown >= flags(flags_of(recipe_for(name))) - hidden, name
    for name, command in COMMANDS.items():
        if name not in ("train", "data get"):
            command = SweepFlags if name == "sweep" else command
            wanted = {flag for flag in flags(command) if not _is_positional(command, flag)}
            shown = set(re.findall(r"`(--[\w-]+)", sections[f"reverie {name}"]))
            assert shown == wanted - hidden, name


OPTIONS = (ROOT / "docs" / "options.md").read_text()


def _is_positional(command: type, flag: str) -> bool:
    kinds = {f.name: repr(f.type) for f in dataclasses.fields(command)}
    return "Positional" in kinds.get(flag[2:].replace("-", "_"), "")


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_python_compiles_and_its_names_exist(page: Path) -> None:
    for kind, code in blocks(page.read_text()):
        if kind != "python":
            continue
        compile(code, page.name, "exec")
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "reverie":
                assert hasattr(reverie, node.attr), ast.unparse(node)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_commands_can_be_parsed(page: Path) -> None:
    wrong = []
    for words in commands(page.read_text(), "reverie"):
        try:
            words = [*takewhile(lambda word: word != ">", words)]
            if "TOPIC" in words or text_asked_for(words[1:]) is not None:
                continue
            if is_template(words):
                check_flags(words[1:])
            else:
                parse_command([word for word in words[1:] if word not in NOT_PARSED])
        except UserError as error:
            wrong.append(f"{shlex.join(words)}: {error}")
        except SystemExit as stop:
            wrong.append(f"{shlex.join(words)}: exit {stop.code}")
    assert wrong == []


def is_template(words: list[str]) -> bool:
    """Whether a command only shows a form: it asks for help, or leaves something out."""
    arguments = words[3:] if words[1] == "data" else words[2:]
    left_out = {"…", "...", "--help"} & set(words) or not arguments
    placeholder = any(re.fullmatch(r"\[?[A-Z]{3,}[\].A-Za-z]*", word) for word in arguments)
    return bool(left_out) or placeholder or (words[1] in TRAINING and "--out" not in words)


def check_flags(words: list[str]) -> None:
    """Refuse a command or a flag that does not exist, whatever the values.

    Raises:
        UserError: if there is no such command or flag.
    """
    name = " ".join(words[:2]) if words[0] == "data" else words[0]
    if name.startswith("-") or name == "data":
        return
    if name not in COMMANDS:
        raise UserError(f"there is no command {name!r}")
    known = flags_of_command(name, words[1] if name in TRAINING and len(words) > 1 else None)
    for word in words:
        if word.startswith("--") and word.split("=")[0] not in {*known, *NOT_PARSED}:
            raise UserError(f"{name} has no option {word}")


@cache
def flags_of_command(name: str, method: str | None = None) -> frozenset[str]:
    """The flags of a command; those of all methods where none is named."""
    if name in TRAINING:
        chosen = [method] if method in METHODS else list(METHODS)
        recipes, kind = map(recipe_for, chosen), TRAINING[name]
        return frozenset(flag for one in recipes for flag in flags(flags_of(one, kind)))
    if name == "data get":
        own = (flags(type(dataset.options)) for dataset in DATASETS.values())
        return frozenset(flags(DataGetFlags).union(*own))
    return frozenset(flags(COMMANDS[name]))


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_flags_in_sentences_exist(page: Path) -> None:
    known = {"--version", "--completion", *NOT_PARSED, *QUIET, *VERBOSE}
    known = known.union(*(flags_of_command(name) for name in COMMANDS))
    for code in spans(page.read_text()):
        words = code.split()
        if words[0].startswith("-") and not code.startswith("---"):
            named = {word.split("=")[0] for word in words if word.startswith("--")}
            assert named <= known | {"--check"}, code


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_scripts_and_their_flags_exist(page: Path) -> None:
    for words in commands(page.read_text(), "python"):
        if words[1].endswith(".py"):
            script = ROOT / words[1]
            text = script.read_text()
            for name in re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE):
                beside = script.with_name(f"{name}.py")  # where a script has arguments from
                text += beside.read_text() if beside.is_file() else ""
            for word in words[2:]:
                assert not word.startswith("--") or f'"{word}"' in text, shlex.join(words)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_links_and_paths_exist(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (page.parent / target).exists(), target
    for code in spans(text):
        if re.fullmatch(r"(?:tests|scripts|benchmarks|examples|docs|src)/[\w/.-]+", code):
            assert (ROOT / code).exists(), f"{page.name} names {code}"


def test_the_way_of_one_image_leads_through_functions_that_exist() -> None:
    steps = re.findall(r"`([\w/]+\.py):([\w.]+)`", (ROOT / "docs" / "architecture.md").read_text())
    assert len(steps) > 20
    assert [f"{file}:{name}" for file, name in steps if not defines(file, name)] == []


def defines(file: str, name: str) -> bool:
    """Whether a file of the package defines a function, a class or a method."""
    if not (PACKAGE / file).exists():
        return False
    found: ast.AST = ast.parse((PACKAGE / file).read_text())
    for part in name.split("."):
        definitions = (n for n in ast.iter_child_nodes(found)
                       if isinstance(n, ast.FunctionDef | ast.ClassDef))  # fmt: skip
        found = next((node for node in definitions if node.name == part), ast.Pass())
    return not isinstance(found, ast.Pass)


def test_the_architecture_page_names_files_that_exist() -> None:
    for code in spans((ROOT / "docs" / "architecture.md").read_text().split("## Differences")[0]):
        if re.fullmatch(r"\w+/[\w/]+\.py", code) and not code.startswith(("tests/", "scripts/")):
            assert (PACKAGE / code).exists(), code


def test_wrong_documentation_is_noticed() -> None:
    for line in ("reverie sampel x", "reverie train dcgan --kl-weight 2 --out x",
                 "reverie data get photos --attribute Male"):  # fmt: skip
        with pytest.raises(UserError):
            parse_command(shlex.split(line)[1:])
    with pytest.raises(UserError, match="no option --widht"):
        check_flags(["train", "METHOD", "--widht", "3"])
