"""`reverie methods`, also `reverie train` without a method: the list of methods."""

from dataclasses import dataclass
from typing import ClassVar

from reverie.cli.command import Command
from reverie.cli.index import about_methods
from reverie.core.result import Json, Result


@dataclass(frozen=True)
class MethodsResult(Result):
    """The methods, each in words."""

    about: dict[str, str]

    def to_json(self) -> dict[str, Json]:
        return {"methods": list(self.about)}

    def summary(self) -> str:
        lines = [f"  {name:<10} {about}" for name, about in self.about.items()]
        head = "reverie train METHOD --data IMAGES --out RUN [options]"
        more = "reverie train METHOD --help shows a method's options and presets."
        return "\n".join([head, "", *lines, "", more])


@dataclass(frozen=True, kw_only=True)
class MethodsCommand(Command):
    """List the methods that can be trained."""

    usage: ClassVar = ""

    def run(self) -> MethodsResult:
        return MethodsResult(about_methods())
