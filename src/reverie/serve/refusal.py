"""What the server does not do, as an error with the status of its answer."""

import math

from reverie.core.errors import UserError


class Refusal(UserError):
    """A request that is not met; the message is the sentence of the answer."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def try_later(status: int, message: str, seconds: float) -> Refusal:
    """A refusal that says in how many seconds the same request may be met."""
    return Refusal(status, message, retry_after=str(max(1, math.ceil(seconds))))
