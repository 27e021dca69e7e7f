"""Models from wherever they are: the package, a run, a folder, a weight file, the hub."""

import re
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import nn

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.onnx import OnnxFile
from reverie.core.state_dict import read_tensors
from reverie.data.memory import PREFIX
from reverie.data.sources import is_data_file
from reverie.inference.model import Model
from reverie.methods import Method
from reverie.methods.diffusion import pretrained as denoisers
from reverie.methods.onnx import method_of
from reverie.methods.superres.networks import Upscaler
from reverie.methods.superres.pretrained import PretrainedUpscaler, SpandrelUpscaler
from reverie.methods.superres.weights import (
    SpandrelNetwork,
    build_from_state_dict,
    load_with_spandrel,
)
from reverie.methods.translation.pretrained import PretrainedTranslator
from reverie.methods.translation.weights import network_from_state_dict, reference_name
from reverie.runs.model_folder import channels_last, load_model
from reverie.runs.run import Run

BUILT_IN_MODELS = {
    folder.name: folder for folder in (Path(__file__).parent / "pretrained").glob("[!_]*")
}

ONNX_SUFFIX = ".onnx"

HUB = "hf:"
"""Begins the names of models on the Hugging Face hub."""
HUB_NAME = r"[\w.-]+/[\w.-]+"
HUB_ERRORS: tuple[type[Exception], ...] = (
    HfHubHTTPError.__mro__[1],
    HFValidationError,
    LocalEntryNotFoundError,
    OSError,
)
"""What huggingface_hub raises; the first is the base of its HTTP library's errors, which it lets
through where there is no network."""
LIKENESS = 0.7
"""From which `difflib` ratio on a name is taken for a mistyped one."""
MAX_FOLDERS = 1000
"""How many folders are looked at for a mistyped name."""


def load(place: str | Path, reference: str | None = None) -> Model:
    """A model: `digits` or `photos-x4`, which come with the package, a run, a model folder,
    `hf:user/name` on the Hugging Face hub, or a weight file: of the original CycleGAN and pix2pix,
    or of SRResNet, RRDBNet and compact upscaling networks, or of others that the package spandrel
    knows, where it is installed; or an ONNX file: of `reverie export`, or of a network of others
    that takes one image and returns one; or a folder of the library diffusers with a `UNet2DModel`.

    A run or model folder that is called `digits` goes before the built-in one. `user/name` without
    `hf:` is looked for on the hub only where it resembles no run or model folder here. `reference`
    says what a weight file should hold: see `import_weights`.

    Raises:
        UserError: if there is no usable model.
    """
    if str(place).startswith(HUB):
        return Model(str(place), *_load_folder(download(str(place).removeprefix(HUB))))
    path = path_of(place)
    if reference is None and str(place) in BUILT_IN_MODELS and not holds_a_model(path):
        return Model(str(place), *load_model(BUILT_IN_MODELS[str(place)]))
    if path.is_file() and path.suffix.lower() == ONNX_SUFFIX:
        return Model(str(place), *method_of(OnnxFile.read(path)))
    if path.is_file() or reference is not None:
        network = import_weights(path, reference)
        if isinstance(network, SpandrelNetwork):
            return Model(str(place), "upscaler", SpandrelUpscaler.of(network))
        if isinstance(network, Upscaler):
            return Model(str(place), "upscaler", channels_last(PretrainedUpscaler.of(network)))
        return Model(str(place), "translator", channels_last(PretrainedTranslator.of(network)))
    if path.is_dir():
        folder = path / "model" if Run(path).exists() else path
        if folder != path and not folder.exists():
            raise UserError(
                f"{place}: this run has no model yet; it comes with the first checkpoint."
            )
    elif re.fullmatch(HUB_NAME, str(place)) and not path.parent.exists():
        alike = _look_alike(path)
        if alike is not None:
            raise UserError(
                f"{place}: there is no run or model folder of that name; did you mean {alike}? A "
                f"model of that name on the hub is {HUB}{place}."
            )
        progress.say(f"there is no folder {path.parent}: asking the hub for {HUB}{place}")
        folder = download(str(place))
    else:
        raise UserError(
            f"{place}: there is no run or model folder of that name; a model on the hub is named "
            f"{HUB}user/name, and {', '.join(BUILT_IN_MODELS)} come with reverie."
        )
    return Model(str(place), *_load_folder(folder))


def _load_folder(folder: Path) -> tuple[str, Method]:
    """Name and method of the model in a folder, of reverie's own or of diffusers."""
    if denoisers.holds_denoiser(folder):
        return "denoiser", denoisers.load_denoiser(folder)
    return load_model(folder)


def import_weights(path: str | Path, reference: str | None = None) -> nn.Module:
    """Network in a weight file of the original CycleGAN and pix2pix, or of an upscaler.

    Its options are read from the tensors; nothing in the file is run. In eval mode; generators
    take [B, C, H, W] in [-1, 1], H and W multiples of their `multiple`.

    Args:
        path: a bare state dict: `latest_net_G_A.pth`, `latest_net_D.pth`.
        reference: what it should be, as the original calls it, for example `resnet_9blocks`.

    Raises:
        UserError: if it is another network, or none that is known.
    """
    path = path_of(path)
    tensors = read_tensors(path)
    network = build_from_state_dict(tensors, str(path))
    if network is None:
        try:
            network = network_from_state_dict(tensors, str(path))
        except UserError:
            network = load_with_spandrel(tensors, str(path))
            if network is None:
                raise
    if reference is not None and reference_name(network) != reference:
        raise UserError(f"{path}: this is {reference_name(network)}, not {reference}.")
    return network


def holds_a_model(path: Path) -> bool:
    """Whether `path` is a run or a model folder."""
    known = path / "config.json", path / "unet" / "config.json", path / "model_index.json"
    return Run(path).exists() or any(file.exists() for file in known)


def _look_alike(path: Path) -> Path | None:
    """A run or model folder here whose path resembles that of one that does not exist."""
    known: list[str] = []
    top = (folder for folder in islice(Path().iterdir(), MAX_FOLDERS) if folder.is_dir())
    every = (inner for folder in top for inner in (folder, *islice(folder.glob("*/"), MAX_FOLDERS)))
    with suppress(OSError):  # a folder that may not be read holds nothing that was meant
        known += [str(folder) for folder in islice(every, MAX_FOLDERS) if holds_a_model(folder)]
    found = get_close_matches(str(path), known, n=1, cutoff=LIKENESS)
    same_name = [one for one in known if Path(one).name == path.name]
    return next((Path(one) for one in (*found, *same_name)), None)


def download(name: str) -> Path:
    """The folder in the hub's cache of a model `user/name`.

    Raises:
        UserError: if there is none, or the hub cannot be reached.
    """
    if not re.fullmatch(HUB_NAME, name):
        raise UserError(f"{HUB}{name}: a model on the hub is named {HUB}user/name.")
    wanted = ["config.json", "model.safetensors", "README.md", *denoisers.FILES]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except HUB_ERRORS as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{HUB}{name}: this model could not be had from the hub ({reason})."
        ) from None


def is_image_folder(path: Path) -> bool:
    """Whether `path` is a folder that is neither a run nor a model."""
    return path.is_dir() and not holds_a_model(path)


def is_image_set(place: str) -> bool:
    """Whether `place` names images rather than a model: a folder or a file of them, or memory."""
    path = path_of(place)
    return place.startswith(PREFIX) or is_data_file(path) or is_image_folder(path)
