"""`reverie studio`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from reverie.cli.command import Command
from reverie.core.errors import UserError
from reverie.core.options import AtLeast, AtMost, Positive
from reverie.core.result import Result


@dataclass(frozen=True)
class StudioResult(Result):
    """Nothing is left to say when the studio ends."""

    def summary(self) -> str:
        return "the studio has ended; what it started goes on."


@dataclass(frozen=True, kw_only=True)
class StudioCommand(Command):
    """Train, watch and use models in the browser."""

    usage: ClassVar = ""
    home: Path = Path()
    """The folder of runs, uploads and outputs; by default the present one."""
    port: Annotated[int, AtLeast(0), AtMost(65535)] = 7860
    """Where to listen; 0 for any port that is free."""
    host: str = "127.0.0.1"
    """The address to listen at; others than this machine's own can then reach it."""
    browser: bool = True
    """Open the page in the browser."""
    jobs: Positive = 1
    """How many trainings run at a time; the others wait. Other work runs beside them."""

    def run(self) -> Result:
        try:
            import starlette
            import uvicorn
        except ImportError:
            raise UserError(
                "the studio needs starlette and uvicorn: pip install 'reverie[studio]'."
            ) from None
        from reverie.cli.verbs import CommandVerbs
        from reverie.studio.server import serve

        del starlette, uvicorn
        serve(
            self.home,
            CommandVerbs(),
            host=self.host,
            port=self.port,
            browser=self.browser,
            jobs=self.jobs,
        )
        return StudioResult()
