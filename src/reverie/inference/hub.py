"""Models of the Hugging Face hub; imported only for them, as its package takes long to import."""

import re
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from reverie.core.errors import UserError
from reverie.inference.place import HUB, HUB_NAME
from reverie.methods.diffusion import pretrained as denoisers

HUB_ERRORS: tuple[type[Exception], ...] = (
    HfHubHTTPError.__mro__[1],
    HFValidationError,
    LocalEntryNotFoundError,
    OSError,
)
"""What huggingface_hub raises; the first is the base of its HTTP library's errors, which it lets
through where there is no network."""


def download(name: str) -> Path:
    """The folder in the hub's cache of a model `user/name`.

    Raises:
        UserError: if there is none, or the hub cannot be reached.
    """
    if not re.fullmatch(HUB_NAME, name):
        raise UserError(f"{HUB}{name}: a model on the hub is named {HUB}user/name.")
    names = ["config.json", "model.safetensors"]
    wanted = [*names, "README.md", *(f"*/{name}" for name in names), *denoisers.FILES]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except HUB_ERRORS as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{HUB}{name}: this model could not be had from the hub ({reason})."
        ) from None
