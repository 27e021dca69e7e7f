"""The shape of the package: imports flow down, public names are what they are."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

import reverie

PACKAGE = Path(reverie.__file__).parent

# From the top down: a module may import from its own layer and from those below it.
LAYERS = [
    {"cli", "__main__"},
    {"picture_commands"},
    {"train_command"},
    {"api"},
    {"starting", "dream_command", "latent_commands", "facts"},
    {"training", "translation_quality", "superresolution_quality"},
    {"watch"},
    {"judge"},
    {"evaluation", "upscaling"},
    {"translating", "dream_files", "edit_sheets"},
    {"editing"},
    {"loading"},
    {"engine", "report", "model_card", "model"},
    {"runs", "presets"},
    {"preset_recipes"},
    {"recipe"},
    {"methods"},
    {"metrics"},
    {"enlarging", "dreaming"},
    {"backbones"},
    {"tiling"},
    {"nets", "losses", "augment", "samplers", "latents", "degradation"},
    {"data"},
    {"picture_files"},
    {"images", "draws"},
    {"flags", "interrupts", "expressions"},
    {"commands"},
    {"dream_options"},
    {"errors", "files", "progress", "precision"},
]
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}


def test_imports_flow_down() -> None:
    upwards = []
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if module == "__init__":
            continue
        assert module in LEVEL, f"give {module} a place in LAYERS"
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module == "reverie":
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reverie."):
                names = [(node.module or "").split(".")[1]]
            elif isinstance(node, ast.Import):
                names = [a.name.split(".")[1] for a in node.names if a.name.startswith("reverie.")]
            upwards += [f"{module} imports {n}" for n in names if LEVEL[n] < LEVEL[module]]
    assert upwards == []


def test_public_names() -> None:
    assert reverie.__all__ == [
        "METHODS",
        "UserError",
        "compare",
        "dream",
        "edit",
        "evaluate",
        "images",
        "import_weights",
        "interpolate",
        "load",
        "reconstruct",
        "sample",
        "train",
        "translate",
        "upscale",
    ]
    for module in pkgutil.walk_packages([str(PACKAGE)], "reverie."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in (
        "compare",
        "dream",
        "edit",
        "evaluate",
        "import_weights",
        "interpolate",
        "load",
        "reconstruct",
        "sample",
        "train",
        "translate",
        "upscale",
    ):  # and no module hides a function
        assert callable(getattr(reverie, name)), name
    assert set(reverie.__all__) <= set(dir(reverie))


def test_help_answers_at_once() -> None:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "reverie", "--help"], capture_output=True, text=True, check=True
        )
        seconds.append(time.perf_counter() - started)
    assert "reverie train METHOD" in done.stdout
    assert min(seconds) < 0.5


def test_functions_and_files_stay_short() -> None:
    long = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if text.count("\n") > 400:
            long.append(path.name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno + 1 > 60:
                    long.append(f"{path.name}: {node.name}")
    assert long == []
