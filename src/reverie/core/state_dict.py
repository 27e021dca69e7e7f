"""State dicts read as plain tensors, no pickled code executed, and compared with a network."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from reverie.core.errors import UserError
from reverie.core.weight_file import no_weights, refuse_no_weights

M = TypeVar("M", bound=nn.Module)

FILLING = (Tensor.normal_, Tensor.uniform_)
"""What initializations fill a tensor with."""

WRAPPERS = ("params_ema", "params", "state_dict")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a safetensors or PyTorch file, without `DataParallel`'s prefix.

    Pickled code is not executed (`weights_only`). A dictionary that holds the weights under
    `params_ema`, `params` or `state_dict` is unwrapped.

    Raises:
        UserError: if the file is not a plain dictionary of tensors of finite numbers.
    """
    if not path.is_file():
        what = "this is no file" if path.exists() else "there is no such file"
        raise UserError(f"{path}: {what}.")
    if path.suffix == ".safetensors":
        content = parse_safetensors(path.read_bytes(), path)
    else:
        content = _unpickled(path)
    tensors = {name.removeprefix("module."): tensor for name, tensor in content.items()}
    for name, tensor in tensors.items():
        flaw = _flaw_of(tensor)
        if flaw is not None:
            raise UserError(f"{path}: the tensor {name} {flaw}.")
    return tensors


def parse_safetensors(content: bytes, place: Path) -> dict[str, Tensor]:
    """The tensors in the content of a safetensors file.

    Raises:
        UserError: if it is none; it begins with `place`.
    """
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:  # KeyError: of a type
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{place}: this is not a safetensors file ({reason}).") from None


def _unpickled(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings(action="ignore"):  # about formats that are rejected anyway
            refuse_no_weights(path)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception:  # a damaged file makes PyTorch's reader raise anything, with bad advice
        raise no_weights(path) from None
    if isinstance(content, dict):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), None)
        content = content if inner is None else inner
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    ):
        keys = [str(key)[:40] for key in content][:5] if isinstance(content, dict) else []
        holds = f"a dictionary of {', '.join(keys)}" if keys else f"a {type(content).__name__}"
        raise UserError(f"{path}: this file holds {holds}, not a state dict of tensors.")
    return content


def _flaw_of(tensor: Tensor) -> str | None:
    """Why a tensor is no weight of a network, in words; None if it may be one."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        return "is sparse, quantized or without values, and not a dense array"
    if tensor.numel() == 0:
        return f"of shape {list(tensor.shape)} has no values"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return f"of shape {list(tensor.shape)} repeats the few values that the file has for it"
    if tensor.is_complex():
        return "holds complex numbers"
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        return "holds numbers that are not finite (NaN or infinity)"
    return None


class _WithoutFilling(TorchFunctionMode):
    """Lets initializations leave tensors without memory alone.

    There is nothing to fill, and PyTorch imports its compiler to do so, which takes a second.
    """

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if func in FILLING or getattr(func, "__module__", "") == "torch.nn.init":
            tensor = args[0] if args else given.get("tensor")
            if isinstance(tensor, Tensor) and tensor.is_meta:
                return tensor
        return func(*args, **given)


def without_memory(build: Callable[[], M]) -> M:
    """The network that `build` makes on the meta device, where tensors have shapes and no memory.

    What a file asks for is built there first, so that a small file cannot ask for gigabytes.

    Raises:
        UserError: if the network cannot be built, for whatever reason its layers have.
    """
    try:
        with torch.device("meta"), _WithoutFilling():
            return build()
    except UserError:
        raise
    except (RuntimeError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"no network can be built like this ({first}).") from None


def check_fit(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Compare tensors with the state dict of the network that is to load them.

    Args:
        tensors: what a file has.
        wanted: the network's own state dict, also of one on the meta device.

    Raises:
        UserError: if one is missing or foreign, has another shape, is no array of floats where the
            network has floats, or not finite; it names the tensor, and not the file.
    """
    for name in [*wanted, *tensors]:
        if name not in tensors:
            raise UserError(f"the tensor {name} is missing.")
        if name not in wanted:
            raise UserError(f"the network has no tensor {name}.")
        mine, given = wanted[name], tensors[name]
        if given.shape != mine.shape:
            raise UserError(
                f"the tensor {name} is {list(given.shape)}, where the network has "
                f"{list(mine.shape)}."
            )
        if given.is_floating_point() != mine.is_floating_point():
            here, there = (str(one.dtype).removeprefix("torch.") for one in (given, mine))
            raise UserError(f"the tensor {name} is {here}, where the network has {there}.")
        flaw = _flaw_of(given)
        if flaw is not None:
            raise UserError(f"the tensor {name} {flaw}.")
