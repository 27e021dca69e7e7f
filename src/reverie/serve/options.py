"""The server's options: address, queue and limits. Nothing here imports PyTorch."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from reverie.core.address import is_loopback
from reverie.core.errors import UserError
from reverie.core.options import Above, AtLeast, AtMost, Checked

Seconds = Annotated[float, Above(0), AtMost(86_400)]
SHORTEST_TOKEN = 16
TOKEN = re.compile(r"[!-~]+")
"""The characters that a bearer token may have: visible ones of ASCII."""


@dataclass(frozen=True, kw_only=True)
class ServeOptions(Checked):
    """Where the server listens, whom it answers, and how much it takes."""

    port: Annotated[int, AtLeast(0), AtMost(65535)] = 8000
    """Where to listen; 0 for any port that is free."""
    host: str = "127.0.0.1"
    """The address to listen at; others than this machine's own can then reach it, with the
    token."""
    token: str | None = None
    """Answer only requests with this bearer token, of 16 characters or more; by default what the
    environment has as REVERIE_TOKEN, which other users of the machine do not see."""
    queue: Annotated[int, AtLeast(1), AtMost(10_000)] = 32
    """How many requests may wait; further ones are answered with 429."""
    timeout: Seconds = 60.0
    """Seconds after which a request is given up: 503 if it still waited, else 504."""
    batch: Annotated[int, AtLeast(1), AtMost(4096)] = 8
    """How many images of several waiting requests are sampled together."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the models compute; auto takes a GPU where PyTorch finds one."""
    max_images: Annotated[int, AtLeast(1), AtMost(10_000)] = 64
    """The most images that one request may ask for."""
    max_steps: Annotated[int, AtLeast(1), AtMost(100_000)] = 1000
    """The most steps of a sampler, or of fitting a latent, that one request may ask for."""
    max_megabytes: Annotated[float, Above(0), AtMost(10_000)] = 20.0
    """The largest image that may be sent, in megabytes of its file."""
    max_megapixels: Annotated[float, Above(0), AtMost(10_000)] = 16.0
    """The largest image that may be sent or made, in megapixels."""
    body_timeout: Seconds = 20.0
    """Seconds within which the whole of a request must have arrived."""
    grace: Annotated[float, AtLeast(0), AtMost(86_400)] = 20.0
    """Seconds to finish what was accepted when the server is told to end."""

    @property
    def max_bytes(self) -> int:
        return int(self.max_megabytes * 1e6)

    @property
    def max_pixels(self) -> int:
        return int(self.max_megapixels * 1e6)


def checked_token(options: ServeOptions, environment: str | None) -> str | None:
    """The token that requests must have: of the options, or of the environment; None for none.

    Raises:
        UserError: if it is too short, or there is none and others can reach the address.
    """
    token = options.token or environment or None  # an empty one is none, as compose files set it
    if token is None:
        if not is_loopback(options.host):
            raise UserError(
                f"at {options.host} others can reach the models: set the environment's "
                "REVERIE_TOKEN to a secret of 16 characters or more, or leave --host out."
            )
        return None
    if len(token) < SHORTEST_TOKEN or not TOKEN.fullmatch(token):
        raise UserError(
            f"a token has {SHORTEST_TOKEN} characters or more, letters, digits and signs without "
            "spaces: make one with python -c 'import secrets; print(secrets.token_urlsafe(32))'."
        )
    return token
