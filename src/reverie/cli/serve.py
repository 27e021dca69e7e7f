"""`reverie serve`."""

import os
from dataclasses import dataclass
from typing import Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.core.errors import UserError
from reverie.core.options import options_of
from reverie.core.result import Result
from reverie.serve.options import ServeOptions


@dataclass(frozen=True)
class ServeResult(Result):
    """Nothing is left to say when the server ends."""

    def summary(self) -> str:
        return "the server has ended."


@dataclass(frozen=True, kw_only=True)
class ServeCommand(ServeOptions, Command):
    """Serve trained models to other programs, over HTTP."""

    usage: ClassVar = "MODEL ..."
    models: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="MODEL")]
    """Runs, model folders, models of the package (digits, photos-x4), or hf:user/name on the hub;
    each is served under the name of its folder."""

    def run(self) -> Result:
        try:
            import prometheus_client
            import starlette
            import uvicorn
        except ImportError:
            raise UserError(
                "the server needs starlette, uvicorn and prometheus-client: "
                "pip install 'reverie[serve]'."
            ) from None
        from reverie.serve.server import serve

        del prometheus_client, starlette, uvicorn
        if not self.models:
            raise UserError("name the models to serve: a run, a model folder, digits or photos-x4.")
        serve(self.models, options_of(ServeOptions, self), os.environ.get("REVERIE_TOKEN"))
        return ServeResult()
