"""What there is to work with: machine, datasets, methods, models, experiments."""

import functools
import json
import platform
import shutil
import time

from reverie.core.result import Json
from reverie.studio.home import Home
from reverie.studio.run_list import capabilities_of, task_of


def state_of(home: Home) -> dict[str, Json]:
    """The machine, the datasets, methods, models and experiments there are, and the disk."""
    from importlib.metadata import version

    from reverie.data import DATASETS
    from reverie.data.source import set_folder
    from reverie.experiments import EXPERIMENTS
    from reverie.runs.environment import machine

    datasets: list[Json] = [
        {
            "name": name,
            "about": one.about,
            "ready": one.load is not None or set_folder(name).is_dir(),
            "fetched": one.fetch is not None,
        }
        for name, one in DATASETS.available().items()
    ]
    experiments: list[Json] = [
        {"name": name, "about": one.about, "minutes": one.all_minutes}
        for name, one in EXPERIMENTS.available().items()
    ]
    here = machine()
    return {
        "home": str(home.folder),
        "version": version("reverie"),
        "device": here["gpu"] or str(here["processor"]),
        "system": platform.system(),
        "disk": {
            "free": shutil.disk_usage(home.folder).free,
            "used": home.used_bytes(),
        },
        "datasets": datasets,
        "methods": _methods(),
        "shipped": _shipped(),
        "experiments": experiments,
        "time": time.time(),
    }


@functools.cache
def _methods() -> list[Json]:
    from reverie.methods import METHODS
    from reverie.methods.presets import recipe_for

    methods: list[Json] = []
    for name, kind in METHODS.available().items():
        default = recipe_for(name)
        presets = [{"name": n, "about": p.about} for n, p in kind.presets.items()]
        chosen = next((n for n in kind.presets if recipe_for(name, n) == default), None)
        methods.append({
            "name": name, "about": kind.about, "task": task_of(kind), "presets": presets,
            "default": chosen, "data_kind": kind.data_kind,
        })  # fmt: skip
    return methods


@functools.cache
def _shipped() -> list[Json]:
    from reverie.inference.load import BUILT_IN_MODELS
    from reverie.methods import METHODS, PRETRAINED

    shipped: list[Json] = []
    for name, place in sorted(BUILT_IN_MODELS.items()):
        config = json.loads((place / "config.json").read_text())
        method, classes = config["method"], config.get("pictures", {}).get("class_names", [])
        kind = PRETRAINED.get(method) or METHODS[method]
        shipped.append({
            "name": name, "method": method, "task": task_of(kind), "about": kind.about,
            "classes": classes, "capabilities": capabilities_of(kind),
        })  # fmt: skip
    return shipped
