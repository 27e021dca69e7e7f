"""Requests for jobs: checked, with the paths that they name, and turned into commands."""

import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from reverie.core.errors import UserError
from reverie.core.result import Json
from reverie.studio.home import Home
from reverie.studio.jobs import Job
from reverie.studio.supervisor import Supervisor
from reverie.studio.workers import ESTIMATE

if TYPE_CHECKING:
    from reverie.studio.app import Verbs

TRAINING = "train"
LONGEST_NAME = 200
"""Of a run, in bytes: files beside it have longer names."""


class InvalidPath(UserError):
    """An option that names a path which must not be written, or is not there."""

    def __init__(self, message: str, option: str) -> None:
        super().__init__(message)
        self.option = option


class Requests:
    """Makes jobs of what the page asks for."""

    def __init__(self, home: Home, verbs: "Verbs", supervisor: Supervisor) -> None:
        self.home, self.verbs, self.supervisor = home, verbs, supervisor

    def check(self, body: Mapping[str, Any]) -> str:
        """The command that a request would run.

        Raises:
            UserError: if it cannot be run; it may name the option that is wrong.
        """
        argv, _ = self._command(*self._parts(body))
        return " ".join(["reverie", *argv])

    def submit(self, body: Mapping[str, Any]) -> Job:
        """Put a request into the queue.

        Raises:
            UserError: if it cannot be run; it may name the option that is wrong.
        """
        verb, options = self._parts(body)
        options = self._with_outputs(verb, options)
        argv, run = self._command(verb, options)
        out = options.get("out")
        place = str(out) if isinstance(out, str) else None
        return self.supervisor.submit(verb, options, argv, run=run, out=place)

    def estimate(self, body: Mapping[str, Any]) -> Job:
        """Start a measurement of a training.

        Raises:
            UserError: if it cannot be trained.
        """
        verb, options = self._parts(body)
        if verb != TRAINING:
            raise UserError("only trainings are estimated.")
        self._command(verb, options)
        flags = ("method", "preset", "out", "resume", "restart", "json")
        request = {
            "method": options["method"],
            "preset": options.get("preset"),
            "changes": {name: value for name, value in options.items() if name not in flags},
        }
        return self.supervisor.submit(ESTIMATE, options, [json.dumps(request)])

    def resume(self, name: str) -> Job:
        """Let a job go on: a training where it stopped, another command from its beginning.

        Raises:
            UserError: if there is nothing to go on with.
        """
        job = self.supervisor.find(name)
        argv = list(job.argv)
        if job.verb == TRAINING and job.run is not None:
            begun = (self.home.folder / job.run / "options.json").is_file()
            if begun:
                options = {"method": job.options["method"], "out": job.run, "resume": True}
                argv = self.verbs.argv(TRAINING, options)
        return self.supervisor.resume(name, argv)

    def job_of(self, run: str) -> str | None:
        """The id of the job that trains a run, or waits to."""
        store = self.supervisor.store
        return next((job.id for job in [*store.active(), *store.queued()] if job.run == run), None)

    def located(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A request for immediate work; models and images are in the home, or have a name.

        Raises:
            UserError: if a path leads out of the home.
        """
        found = dict(body)
        model = found.get("model")
        if isinstance(model, str) and "/" in model:
            self.home.inside(model)
        for name in ("images", "image"):
            value = found.get(name)
            if isinstance(value, str) and not value.startswith("data:"):
                found[name] = str(self._image(value, name))
            elif isinstance(value, list):
                found[name] = [str(self._image(str(one), name)) for one in value]
        return found

    def _image(self, place: str, option: str) -> Path:
        path = self.home.inside(place)
        if not path.is_file():
            raise InvalidPath(f"{place}: there is no such image any more.", option)
        return path

    def _parts(self, body: Mapping[str, Any]) -> tuple[str, dict[str, Json]]:
        verb, options = body.get("verb"), body.get("options", {})
        if not isinstance(verb, str) or not isinstance(options, dict):
            raise UserError("a job has a verb, and options by name.")
        return verb, dict(options)

    def _command(self, verb: str, options: Mapping[str, Json]) -> tuple[list[str], str | None]:
        """The command, whose outputs are in the home, and the run that it trains."""
        argv = self.verbs.argv(verb, options)
        for name, place in self.verbs.outputs(verb, options).items():
            if isinstance(place, str):
                try:
                    self.home.inside(place)
                except UserError as error:
                    raise InvalidPath(str(error), name) from None
        return argv, self._run_of(verb, options)

    def _with_outputs(self, verb: str, options: dict[str, Json]) -> dict[str, Json]:
        """The options with a new place in `outputs` for what would be written beside it."""
        outputs = self.verbs.outputs(verb, options)
        default = outputs.get("out")
        if "out" in options or not isinstance(default, str):
            return options
        folder = self.home.new_folder(self.home.outputs)
        return options | {"out": self.home.relative(folder / Path(default).name)}

    def _run_of(self, verb: str, options: Mapping[str, Json]) -> str | None:
        """The run that a training writes.

        Raises:
            UserError: if it has no usable name, or holds a run already.
        """
        out = options.get("out")
        if verb != TRAINING or not isinstance(out, str):
            return None
        run = self.home.inside(out)
        name = PurePosixPath(out).name
        hidden, long = name.startswith("."), len(os.fsencode(name)) > LONGEST_NAME
        if run.parent != self.home.runs or run.name != name or hidden or long:
            raise InvalidPath(
                f"a run is a folder of runs/ with a name of at most {LONGEST_NAME} bytes that has "
                "no slash and does not begin with a dot: choose another name.",
                "out",
            )
        if (run / "options.json").is_file() and not (
            options.get("resume") or options.get("restart")
        ):
            raise InvalidPath(f"{out} holds a run already: choose another name.", "out")
        return self.home.relative(run)
