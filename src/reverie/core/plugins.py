"""Registries: built-in things by name, and those of other packages or of a notebook cell.

A registry is an explicit dictionary plus what `register` added plus entry points. Entry points are
looked up when a name is missing or all names are listed, so a registry is never out of date and
importing reverie imports no plugin.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points, packages_distributions
from typing import Generic, TypeVar

from reverie.core.errors import UserError, nearest

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Things of one kind by name.

    Args:
        kind: what they are called in messages: `method`.
        group: the entry point group of other packages: `reverie.methods`.
        built_in: what comes with reverie.
    """

    def __init__(self, kind: str, group: str, built_in: dict[str, T]) -> None:
        self.kind = kind
        self.group = group
        self._built_in = built_in
        self._registered: dict[str, T] = {}

    def register(self, name: str, thing: T) -> T:
        """Add `thing` under `name`; a name that was registered before is replaced.

        Raises:
            UserError: if `name` is built in.
        """
        if name in self._built_in:
            raise UserError(
                f"the {self.kind} {name!r} is built in: register yours by another name."
            )
        self._registered[name] = thing
        return thing

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
        """The name under which `thing` is here, if it is."""
        everything = self._built_in | self._registered
        return next((name for name, one in everything.items() if one is thing), None)

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
        for known in (self._built_in, self._registered):
            if name in known:
                return known[name]
        point = self._entry_point(name)
        if point is None:
            raise KeyError(name)
        try:
            return point.load()
        except Exception as error:  # whatever a foreign module raises while it is imported
            raise UserError(
                f"the {self.kind} {name!r} of {point.value} could not be imported ({error!r}): "
                "repair or uninstall that package."
            ) from error

    def __contains__(self, name: object) -> bool:
        return any(name == known for known in self)

    def __iter__(self) -> Iterator[str]:
        points = (point.name for point in entry_points(group=self.group))
        return iter(dict.fromkeys([*self._built_in, *self._registered, *points]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _entry_point(self, name: str) -> EntryPoint | None:
        return next(iter(entry_points(group=self.group, name=name)), None)
