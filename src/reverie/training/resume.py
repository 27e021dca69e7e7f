"""What a training starts from, and what must be the same when a run is resumed."""

import json
from dataclasses import dataclass
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.options import flag_of
from reverie.core.result import Json, counted, plain
from reverie.data import DATASETS, ImageDataset, ImageSpec
from reverie.methods.base_recipe import RecipeSources, find_base_recipe
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import Recipe
from reverie.runs.checkpoint import Checkpoint
from reverie.runs.place import refuse_existing_run
from reverie.runs.run import Run, find_run, labels_fingerprint


def base_recipe(
    method: str | None, out: Path, preset: str | None, resume: bool, config: Path | None = None
) -> Recipe:
    """What a training starts from: see `find_base_recipe`."""
    sources = RecipeSources(recipe_for, lambda folder: find_run(folder).recipe())
    return find_base_recipe(sources, method, out, preset, resume, config)


def refuse_existing(run: Run) -> None:
    """Raise a UserError if a new run would be written where there is one, or a part of one."""
    refuse_existing_run(run.folder)
    if run.holds_training():
        raise UserError(
            f"{run.folder} holds checkpoints or a model, but no options.json: choose another --out."
        )


def refuse_inside_data(out: Path, recipe: Recipe) -> None:
    """Raise a UserError if the run would lie in the folder of its images."""
    for data in (recipe.data.data, recipe.data.data_b):
        known = DATASETS.get(data or "")
        if not data or (known is not None and known.load is not None):
            continue  # what comes with a package goes before a folder of its name
        folder = path_of(data)
        if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"{out} lies in the folder of the images, {data}, so that the sheets of samples "
                "would become images to train on: choose another --out."
            )


def checkpoint_to_resume(run: Run) -> Checkpoint | None:
    """The newest intact checkpoint of a run; None if nothing that was trained was ever saved.

    Raises:
        UserError: if something was trained, but no checkpoint is intact.
    """
    checkpoint = run.newest_checkpoint()
    if checkpoint is None and run.holds_training():
        raise UserError(
            f"{run.folder} has no checkpoint that can be read, so there is nothing to resume from; "
            "--restart trains it again from step 0 and replaces its model."
        )
    if checkpoint is None:
        progress.say(f"no checkpoint was saved in {run.folder} yet: starting at step 0")
    return checkpoint


def check_spec(run: Run, spec: ImageSpec) -> None:
    """Raise a UserError if channels or number of classes differ from the run's."""
    before = run.facts()["pictures"]
    for name, now in (("channels", spec.channels), ("classes", spec.classes)):
        then = len(before["class_names"]) if name == "classes" else before[name]
        if then != now:
            raise UserError(
                f"the dataset has changed since this run was started: {then} {name} then, {now} "
                "now. Restore it, or start a new run in another folder."
            )


def check_images(run: Run, images: ImageDataset) -> None:
    """Raise a UserError if the images or labels are not those that the run was started with."""
    facts = run.facts()
    labels = labels_fingerprint(images)
    same_images = facts["data_fingerprint"] == images.fingerprint
    if same_images and facts.get("labels_fingerprint", labels) == labels:  # old runs have none
        return
    counts = f"{counted(facts['picture_count'], 'image')} then, {len(images):,} now"
    raise UserError(
        f"the {'labels' if same_images else 'images'} have changed since this run was started "
        f"({counts}): restore them, or start a new run in another folder, with --init {run.folder} "
        "to begin from what this one has learnt."
    )


@dataclass(frozen=True)
class Origin:
    """What a checkpoint belongs to; it is stored with it, and compared on resuming."""

    run: str | None
    options: dict[str, Json]
    images: str
    processes: int

    @staticmethod
    def of(run: Run, recipe: Recipe, processes: int) -> "Origin":
        """The origin of the checkpoints that a run writes."""
        facts = run.facts()
        fixed = {k: v for k, v in recipe.flat().items() if k not in recipe.resumable()}
        options = json.loads(json.dumps(plain(fixed)))
        return Origin(facts.get("run"), options, facts["data_fingerprint"], processes)

    def check(self, checkpoint: Checkpoint) -> None:
        """Raise a UserError if a checkpoint is of another run, other options or processes.

        Checkpoints of older versions do not say what they belong to, and are accepted.
        """
        then = checkpoint.facts.get("origin")
        if then is None:
            return
        name = f"the checkpoint of step {checkpoint.step:,}"
        if then["run"] != self.run:
            raise UserError(
                f"{name} is of another run: remove it, or put back the options.json with which it "
                "was written."
            )
        changed = [
            k
            for k in then["options"].keys() & self.options
            if then["options"][k] != self.options[k]
        ]
        if changed:
            one = sorted(changed)[0]
            raise UserError(
                f"{name} was written with {flag_of(one)} {then['options'][one]}, and options.json "
                f"says {self.options[one]} now: put it back, or start a new run in another folder."
            )
        if then["images"] != self.images:
            raise UserError(
                f"{name} was written for other images than options.json names: put back the "
                "options.json with which it was written."
            )
        if then["processes"] != self.processes:
            raise UserError(
                f"this run was trained by {then['processes']} processes, not {self.processes}, "
                "which would give other batches: start as many, or a new run in another folder."
            )
