"""`reverie train` without a method: the list of methods."""

from dataclasses import dataclass

from reverie.cli.command import Command
from reverie.core.result import Json, Result


@dataclass(frozen=True)
class MethodsResult(Result):
    """The methods, each in words."""

    about: dict[str, str]

    def to_json(self) -> dict[str, Json]:
        return {"methods": list(self.about)}

    def summary(self) -> str:
        lines = [f"  {name:<10} {about}" for name, about in self.about.items()]
        return "reverie train METHOD --data IMAGES --out RUN [options]\n\n" + "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class MethodsCommand(Command):
    """List the methods."""

    def run(self) -> MethodsResult:
        from reverie.methods import METHODS

        return MethodsResult({name: method.about for name, method in METHODS.available().items()})
