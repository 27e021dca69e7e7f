"""Models from wherever they are: the package, a run, a folder, a weight file, the hub."""

from pathlib import Path

from torch import nn

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.onnx import OnnxFile
from reverie.core.state_dict import read_tensors
from reverie.data.source import MEMORY
from reverie.data.sources import is_data_file
from reverie.inference.model import Model
from reverie.inference.place import (
    BUILT_IN_MODELS,
    HUB,
    ONNX,
    holds_a_model,
    is_image_folder,
    model_folder_of,
    refuse_unknown_model,
)
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
from reverie.runs.model_file import load_model_file, load_packed
from reverie.runs.model_folder import channels_last, load_model
from reverie.runs.place import BARE, is_model_file, is_packed


def load(place: str | Path, reference: str | None = None) -> Model:
    """A model: one that comes with the package (`digits`, `photos-x2`, `photos-x4`,
    `photos-x4-large` or `photos-x4-gan`), a run, a model folder, what `reverie pack` wrote (.zip),
    `hf:user/name` on the Hugging Face hub, or a weight file: our own model.safetensors, or one of
    the original CycleGAN and pix2pix, or of SRResNet, RRDBNet and compact upscaling networks, or of
    others that the package spandrel knows, where it is installed; or an ONNX file: of `reverie
    export`, or of a network of others that takes one image and returns one; or a folder of the
    library diffusers with a `UNet2DModel`.

    A run or model folder that is called `digits` goes before the built-in one. `user/name` without
    `hf:` is looked for on the hub only where it resembles no run or model folder here. `reference`
    says what a weight file should hold: see `import_weights`.

    Raises:
        UserError: if there is no usable model.
    """
    if str(place).startswith(HUB):
        from reverie.inference.hub import download

        return Model(str(place), *_load_folder(download(str(place).removeprefix(HUB))))
    path = path_of(place)
    if reference is None and str(place) in BUILT_IN_MODELS and not holds_a_model(path):
        return Model(str(place), *load_model(BUILT_IN_MODELS[str(place)]))
    if path.is_file() and path.suffix.lower() == ONNX:
        return Model(str(place), *method_of(OnnxFile.read(path)))
    if reference is None and is_model_file(path):
        found = load_model_file(path)
        if found is not None:
            return Model(str(place), *found)
    if path.is_file() or reference is not None:
        network = import_weights(path, reference)
        if isinstance(network, SpandrelNetwork):
            return Model(str(place), "upscaler", SpandrelUpscaler.of(network))
        if isinstance(network, Upscaler):
            return Model(str(place), "upscaler", channels_last(PretrainedUpscaler.of(network)))
        return Model(str(place), "translator", channels_last(PretrainedTranslator.of(network)))
    if path.is_dir():
        folder = model_folder_of(str(place)) or path
    else:
        refuse_unknown_model(str(place))
        from reverie.inference.hub import download

        progress.say(f"there is no folder {path.parent}: asking the hub for {HUB}{place}")
        folder = download(str(place))
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
            if network is None and path.suffix.lower() == BARE:
                raise UserError(
                    f"{path}: this file does not say what network it is of, and none that is known "
                    "has such weights: name the run or the model folder that it comes from."
                ) from None
            if network is None:
                raise
    if reference is not None and reference_name(network) != reference:
        raise UserError(f"{path}: this is {reference_name(network)}, not {reference}.")
    return network


def load_beside(place: str | Path, name: str) -> Model | None:
    """The model `name` that was trained for the one of a place and is kept in it; None if there is
    none.

    Raises:
        UserError: if it is damaged.
    """
    named = str(place)
    if named.startswith(HUB):
        from reverie.inference.hub import download

        path = download(named.removeprefix(HUB))
    else:
        path = path_of(place)
    if is_packed(path):
        found = load_packed(path, name)
        return None if found is None else Model(named, *found)
    return load(path / name) if (path / name).is_dir() else None


def is_image_set(place: str) -> bool:
    """Whether `place` names images rather than a model: a folder or a file of them, or memory."""
    path = path_of(place)
    return place.startswith(MEMORY) or is_data_file(path) or is_image_folder(path)
