"""Files of weights read as plain tensors; nothing in them is run."""

import warnings
from pathlib import Path
from pickle import UnpicklingError

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from reverie.core.errors import UserError

WRAPPERS = ("params_ema", "params", "state_dict")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a file of weights, without the prefix that several GPUs leave.

    No code in it is run. A dictionary in which the weights lie under `params_ema`, `params` or
    `state_dict` is unwrapped.

    Raises:
        UserError: if it is not a plain dictionary of tensors.
    """
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load(path.read_bytes())
        except FileNotFoundError:
            raise UserError(f"{path}: there is no such file.") from None
        except SafetensorError as error:
            raise UserError(f"{path}: this is no file of safetensors ({error}).") from None
    try:
        with warnings.catch_warnings(action="ignore"):  # on formats that are refused anyway
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise UserError(f"{path}: there is no such file.") from None
        first = str(error).strip().splitlines()[0]
        raise UserError(
            f"{path}: this file cannot be read as plain weights, and nothing else in it is run "
            f"({first})."
        ) from None
    if isinstance(content, dict):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), None)
        content = content if inner is None else inner
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        keys = ", ".join(list(map(str, content))[:5]) if isinstance(content, dict) else ""
        holds = f"a dictionary of {keys}" if keys else f"a {type(content).__name__}"
        raise UserError(f"{path}: this file holds {holds}, not a state dict of tensors.")
    return {name.removeprefix("module."): tensor for name, tensor in content.items()}
