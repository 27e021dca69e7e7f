"""State dicts read as plain tensors, without executing pickled code."""

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
    """Read a state dict from a safetensors or PyTorch file, without `DataParallel`'s prefix.

    Pickled code is not executed (`weights_only`). A dictionary that holds the weights under
    `params_ema`, `params` or `state_dict` is unwrapped.

    Raises:
        UserError: if the file is not a plain dictionary of tensors.
    """
    if path.suffix == ".safetensors":
        try:
            return _without_prefix(safetensors.torch.load(path.read_bytes()))
        except FileNotFoundError:
            raise UserError(f"{path}: there is no such file.") from None
        except SafetensorError as error:
            raise UserError(f"{path}: this is not a safetensors file ({error}).") from None
    try:
        with warnings.catch_warnings(action="ignore"):  # about formats that are rejected anyway
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise UserError(f"{path}: there is no such file.") from None
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{path}: this file cannot be read as plain weights, and pickled code is not executed "
            f"({first})."
        ) from None
    if isinstance(content, dict):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), None)
        content = content if inner is None else inner
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        keys = ", ".join(list(map(str, content))[:5]) if isinstance(content, dict) else ""
        holds = f"a dictionary of {keys}" if keys else f"a {type(content).__name__}"
        raise UserError(f"{path}: this file holds {holds}, not a state dict of tensors.")
    return _without_prefix(content)


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names without the `module.` that training on several GPUs prepends."""
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
