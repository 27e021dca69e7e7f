"""What one phase of a step made and the next one needs, so that it is not made twice."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """A queue from one phase to the next; under accumulation it holds one value a batch."""

    def __init__(self) -> None:
        self._waiting: list[T] = []

    def put(self, made: T) -> None:
        self._waiting.append(made)

    def take(self, make: Callable[[], T]) -> T:
        """What was put first; made anew where the phase before did not run in this step."""
        return self._waiting.pop(0) if self._waiting else make()
