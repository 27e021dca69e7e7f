"""A run's folder: options, log, samples, checkpoints and the finished model.

Files are written aside and renamed. A checkpoint is one safetensors file with its SHA-256 beside
it, so that a damaged one is noticed and the one before is used.
"""

import dataclasses
import hashlib
import json
import platform
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from reverie import progress
from reverie.data import Pictures, PictureSpec
from reverie.errors import UserError
from reverie.files import remove_leftovers, write_aside
from reverie.methods import LOADABLE, METHODS, Method
from reverie.recipe import Recipe, find_method, options_from_json


@dataclass(frozen=True)
class Checkpoint:
    """Everything that is needed to go on: named tensors and a few plain facts."""

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """The folder of one training."""

    folder: Path

    @property
    def options_file(self) -> Path:
        return self.folder / "options.json"

    @property
    def log_file(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def best(self) -> Path:
        """The model that came nearest to the pictures, where that was measured."""
        return self.folder / "best"

    @property
    def encoder(self) -> Path:
        """The model that finds latents for this run's generator, where one was trained."""
        return self.folder / "encoder"

    @property
    def evaluations_file(self) -> Path:
        return self.folder / "evaluations.jsonl"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    def exists(self) -> bool:
        """Whether a training was begun here."""
        return self.options_file.exists()

    def begin(self, recipe: Recipe, pictures: Pictures) -> None:
        """Write down all that is needed to do it again."""
        content = recipe.to_json() | {
            "pictures": dataclasses.asdict(pictures.spec),
            "picture_count": len(pictures),
            "data_fingerprint": pictures.fingerprint,
            "versions": versions(),
            "commit": commit(),
            "machine": machine(),
            "began": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        write_aside(self.options_file, json.dumps(content, indent=2) + "\n")

    def facts(self) -> dict[str, Any]:
        """What `begin` wrote."""
        return read_json(self.options_file)

    def recipe(self) -> Recipe:
        """The recipe that the run was begun with."""
        try:
            return Recipe.from_json(self.facts())
        except (KeyError, TypeError) as error:
            raise UserError(
                f"{self.options_file}: a part is missing or foreign ({error})."
            ) from None

    def log(self, line: dict[str, Any]) -> None:
        """Add one line to the log."""
        _add_line(self.log_file, line)

    def log_evaluation(self, line: dict[str, Any]) -> None:
        """Add one measurement: its step, and figures of which the first is the distance."""
        _add_line(self.evaluations_file, line)

    def read_log(self) -> list[dict[str, Any]]:
        """The log's lines; one that a killed process left unfinished is passed over."""
        return list(_lines_of(self.log_file))

    def read_evaluations(self) -> list[dict[str, Any]]:
        """What was measured during the training."""
        return list(_lines_of(self.evaluations_file))

    def cut_log(self, step: int) -> None:
        """Forget what was logged and measured after `step`: it will be done again."""
        for file in (self.log_file, self.evaluations_file):
            if file.exists():
                kept = [line for line in _lines_of(file) if line["step"] <= step]
                write_aside(file, "".join(json.dumps(line) + "\n" for line in kept))

    def sheets(self, kind: str = "samples") -> dict[int, Path]:
        """The sheets of one kind by step."""
        marker = "" if kind == "samples" else f"-{kind}"
        found = {}
        for path in self.samples.glob(f"step-??????{marker}.png"):
            found[int(path.name[5:11])] = path
        return dict(sorted(found.items()))

    def sheet(self, step: int, kind: str = "samples") -> Path:
        """Where the sheet of `kind` at `step` belongs."""
        marker = "" if kind == "samples" else f"-{kind}"
        return self.samples / f"step-{step:06d}{marker}.png"

    def save_checkpoint(self, checkpoint: Checkpoint, keep: int) -> None:
        """Write a checkpoint, then delete the oldest beyond `keep`.

        Raises:
            UserError: if it cannot be written; the ones before are untouched.
        """
        facts = {"step": str(checkpoint.step), "facts": json.dumps(checkpoint.facts)}
        content = save(checkpoint.tensors, metadata=facts)
        path = self.checkpoints / f"step-{checkpoint.step:09d}.safetensors"
        digest = hashlib.sha256(content).hexdigest()
        try:
            write_aside(path.with_suffix(".sha256"), f"{digest}  {path.name}\n")
            write_aside(path, content)
        except OSError as error:
            raise UserError(
                f"the checkpoint of step {checkpoint.step} could not be written "
                f"({error.strerror or error}): make room and go on with --resume; "
                "the checkpoint before is untouched."
            ) from None
        for old in self._checkpoint_files()[keep:]:
            old.unlink(missing_ok=True)
            old.with_suffix(".sha256").unlink(missing_ok=True)
        remove_leftovers(self.checkpoints)

    def newest_checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint that is whole; damaged ones are named and passed over."""
        for path in self._checkpoint_files():
            checkpoint = _read_checkpoint(path)
            if checkpoint is not None:
                return checkpoint
            progress.warn(f"{path.name} is damaged; using the checkpoint before it.")
        return None

    def _checkpoint_files(self) -> list[Path]:
        return sorted(self.checkpoints.glob("step-*.safetensors"), reverse=True)


def _add_line(file: Path, line: dict[str, Any]) -> None:
    with open(file, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


def _lines_of(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        for text in file.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(text)
            except json.JSONDecodeError:
                continue


def _read_checkpoint(path: Path) -> Checkpoint | None:
    try:
        expected = path.with_suffix(".sha256").read_text().split()[0]
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            return None
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        facts = header["__metadata__"]
        return Checkpoint(int(facts["step"]), load(content), json.loads(facts["facts"]))
    except (OSError, IndexError, UnicodeDecodeError, json.JSONDecodeError, SafetensorError):
        return None


def find_run(place: str | Path) -> Run:
    """The run in folder `place`.

    Raises:
        UserError: if there is none.
    """
    run = Run(Path(place).expanduser())
    if run.exists():
        return run
    beside = sorted(p.parent.name for p in run.folder.parent.glob("*/options.json"))
    hint = f" Beside it are the runs {', '.join(beside[:8])}." if beside else ""
    raise UserError(f"{place}: there is no run in this folder (no options.json).{hint}")


def save_model(folder: Path, method_name: str, method: Method, card: str) -> None:
    """Write a model folder: weights, config and card, in the layout of the Hugging Face hub."""
    config = {
        "library_name": "reverie",
        "method": method_name,
        "options": dataclasses.asdict(method.options),
        "pictures": dataclasses.asdict(method.spec),
        "reverie_version": versions()["reverie"],
    }
    tensors = {
        key: value.contiguous().cpu()
        for key, value in method.state_dict().items()
        if key.split(".", 1)[0] not in method.training_only
    }
    write_aside(folder / "config.json", json.dumps(config, indent=2) + "\n")
    write_aside(folder / "README.md", card)
    write_aside(folder / "model.safetensors", save(tensors, metadata={"format": "pt"}))


def load_model(folder: Path) -> tuple[str, Method]:
    """The method in a model folder and its name, in eval mode on the CPU.

    Raises:
        UserError: if a file is missing, damaged or foreign.
    """
    config_file, weights = folder / "config.json", folder / "model.safetensors"
    for file in (config_file, weights):
        if not file.exists():
            raise UserError(
                f"{folder}: {file.name} is missing; a model folder holds config.json and "
                "model.safetensors."
            )
    config = read_json(config_file)
    if config.get("library_name") != "reverie" or "method" not in config:
        raise UserError(f"{config_file}: this is not a model of reverie's.")
    name = config["method"]
    if name not in LOADABLE:
        find_method(name)
    try:
        pictures = config["pictures"]
        spec = PictureSpec(
            pictures["channels"],
            pictures["image_size"],
            tuple(pictures["class_names"]),
            pictures["spread"],
        )
        options = options_from_json(LOADABLE[name].Options, config["options"])
        method = LOADABLE[name](options, spec)
        tensors = load(weights.read_bytes())
        fresh = method.state_dict()  # what only training needs is not in the file
        tensors |= {k: v for k, v in fresh.items() if k.split(".", 1)[0] in method.training_only}
        method.load_state_dict(tensors)
    except (KeyError, TypeError) as error:
        raise UserError(f"{config_file}: a part is missing or foreign ({error}).") from None
    except (SafetensorError, RuntimeError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise UserError(
            f"{weights}: these are not the weights that config.json describes ({first})."
        ) from None
    return name, channels_last(method).eval().requires_grad_(False)


def build_method(recipe: Recipe, spec: PictureSpec) -> Method:
    """A new method with weights that depend on the recipe's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        return channels_last(METHODS[recipe.method](recipe.options, spec))


def channels_last(method: Method) -> Method:
    """The same method with channels last in memory, where convolutions are a fifth faster.

    A network that says `plain_memory` stays as it is: one of few places and very many weights.
    """
    method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for network in method.modules():
        if getattr(network, "plain_memory", False):
            network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return method


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        UserError: if it cannot be read as one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: this file cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: this file should hold one JSON object.")
    return content


def versions() -> dict[str, str]:
    """What decides how numbers come out."""
    names = ("reverie", "torch", "accelerate", "numpy", "pillow")
    return {"python": platform.python_version()} | {n: metadata.version(n) for n in names}


def commit() -> str | None:
    """The commit of reverie's own source, where it runs from a checkout."""
    source = Path(__file__).resolve().parents[2]
    if not (source / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "-C", str(source), "describe", "--always", "--dirty"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()


def machine() -> dict[str, Any]:
    """The machine, in a few words."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        processor = names[0].split(":", 1)[1].strip() if names else processor
    return {"processor": processor, "threads": torch.get_num_threads(), "gpu": gpu}
