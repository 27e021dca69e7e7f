"""Registries: built-in things by name, and those of other packages or of a notebook cell.

A registry is an explicit dictionary plus what `register` added plus entry points. Entry points are
looked up when a name is missing or all names are listed, so a registry is never out of date and
importing reverie imports no plugin. What is built in may be named as entry points are, by module
and name, and is imported when it is used: names are known without PyTorch.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points, packages_distributions
from typing import Any, Generic, TypeVar

from reverie.core import progress
from reverie.core.errors import UserError, nearest

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Things of one kind by name.

    Args:
        kind: what they are called in messages: `method`.
        group: the entry point group of other packages: `reverie.methods`.
        built_in: what comes with reverie, or its place: `reverie.methods.vae:VAE`.
        flaw: why a thing cannot be used, as "it has no phases"; None if it can.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        built_in: Mapping[str, T | str],
        flaw: Callable[[object], str | None] = lambda thing: None,
    ) -> None:
        self.kind = kind
        self.flaw = flaw
        self.group = group
        self._built_in: dict[str, T | EntryPoint] = {
            key: EntryPoint(key, thing, group) if isinstance(thing, str) else thing
            for key, thing in built_in.items()
        }
        self._registered: dict[str, T] = {}

    def register(self, name: str, thing: T) -> T:
        """Add `thing` under `name`; a name that was registered before is replaced.

        Raises:
            UserError: if `name` is built in, or `thing` cannot be used.
        """
        flaw = self.flaw(thing)
        if flaw is not None:
            raise UserError(f"the {self.kind} {name!r} cannot be used: {flaw}.")
        if name in self._built_in:
            raise UserError(
                f"the {self.kind} {name!r} is built in: register yours by another name."
            )
        self._registered[name] = thing
        return thing

    def ensure(self, thing: T) -> str:
        """The name of a class, which is registered by its own, in lower case, if it is new.

        A redefined class, as by a notebook cell that is executed again, replaces the one before.

        Raises:
            UserError: if it cannot be used, or another class has its name.
        """
        known = self.name_of(thing)
        if known is not None:
            return known
        path = path_of(thing)
        before = (name for name, one in self._registered.items() if path_of(one) == path)
        name = next(before, path.split(".")[-1].lower())
        taken = name in self._registered and path_of(self._registered[name]) != path
        if taken or self._entry_point(name) is not None:
            raise UserError(
                f"there is another {self.kind} {name!r}: register {path} by another name."
            )
        self.register(name, thing)
        return name

    def available(self) -> dict[str, T]:
        """Everything by name; a plugin that cannot be used is left out, with a warning."""
        usable = {}
        for name in self:
            try:
                usable[name] = self[name]
            except UserError as error:
                progress.warn(str(error))
        return usable

    def find(self, name: str) -> T:
        """The thing called `name`.

        Raises:
            UserError: if there is none; with the nearest name.
        """
        try:
            return self[name]
        except KeyError:
            raise UserError(f"there is no {self.kind} {name!r}; {nearest(name, self)}") from None

    def name_of(self, thing: object) -> str | None:
        """The name under which `thing` is here, if it is; imports no plugin."""
        points = {point.name: point for point in entry_points(group=self.group)}
        everything = {**points, **self._registered, **self._built_in}
        return next((name for name, one in everything.items() if _imported(one) is thing), None)

    def registered_class(self, name: str) -> str | None:
        """Module and name of the class that was registered by hand as `name`.

        None if there is none, or it is of a notebook or script, from where nobody can import it.
        """
        path = path_of(self._registered[name]) if name in self._registered else "__main__.x"
        return None if path.startswith("__main__.") else path

    def package_of(self, name: str) -> str | None:
        """The distribution to install for `name`, or None if it is built in.

        What was registered by hand belongs to the distribution of its module, or to the module
        itself where that is in none, such as `__main__`.
        """
        if name in self._built_in:
            return None
        if name in self._registered:
            module = getattr(self._registered[name], "__module__", "__main__").split(".")[0]
            return next(iter(packages_distributions().get(module, [module])))
        point = self._entry_point(name)
        return point.dist.name if point is not None and point.dist is not None else None

    def __getitem__(self, name: str) -> T:
        if name in self._built_in:
            known: Any = self._built_in[name]
            return known.load() if isinstance(known, EntryPoint) else known
        if name in self._registered:
            return self._registered[name]
        point = self._entry_point(name)
        if point is None:
            raise KeyError(name)
        try:
            thing = point.load()
        except Exception as error:  # whatever a foreign module raises while it is imported
            raise UserError(
                f"the {self.kind} {name!r} of {point.value} could not be imported ({error!r}): "
                "repair or uninstall that package."
            ) from error
        flaw = self.flaw(thing)
        if flaw is not None:
            raise UserError(
                f"the {self.kind} {name!r} of {point.value} cannot be used: {flaw}; repair or "
                "uninstall that package."
            )
        return thing

    def __contains__(self, name: object) -> bool:
        return any(name == known for known in self)

    def __iter__(self) -> Iterator[str]:
        points = (point.name for point in entry_points(group=self.group))
        return iter(dict.fromkeys([*self._built_in, *self._registered, *points]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _entry_point(self, name: str) -> EntryPoint | None:
        return next(iter(entry_points(group=self.group, name=name)), None)


def not_a(kind: type | str) -> Callable[[object], str | None]:
    """The `flaw` of registries whose things are instances of `kind`, a class or its place."""

    def flaw(thing: object) -> str | None:
        known = EntryPoint("kind", kind, "").load() if isinstance(kind, str) else kind
        return None if isinstance(thing, known) else f"it is no {known.__name__}"

    return flaw


def path_of(thing: object) -> str:
    """Module and name of a function or class, or of a thing's class: `my_package.gans.MyGAN`."""
    named: Any = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"


def _imported(thing: object) -> object:
    """What an entry point names, if its module has been imported, else None; other things."""
    if not isinstance(thing, EntryPoint):
        return thing
    if thing.module not in sys.modules:
        return None
    try:
        return thing.load()
    except AttributeError:
        return None
