"""The process that keeps models loaded: a line of JSON in, a line of JSON out."""

import base64
import contextlib
import io
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image

from reverie import api
from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.options import InvalidValue, coerce
from reverie.core.result import Json
from reverie.inference.latent.files import ImageEditor
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.inference.options import EditOptions, SampleOptions, TranslateOptions, UpscaleOptions
from reverie.inference.place import default_upscaler
from reverie.methods import Encodes
from reverie.methods.capabilities import Discriminates, require
from reverie.nn.adversarial import ADVERSARIAL

MOST_MODELS = 4
LARGEST_SHARE = 0.5
"""Of the machine's memory, beyond which the model that was used longest ago is forgotten."""
COMPARED = 64
"""Generated images with which a drawn one is compared."""
MOST_SAMPLES, MOST_POINTS, MOST_IMAGES = 256, 64, 64
LONGEST_IMAGE = 2_000_000
"""Characters of an image in a request."""

Request = Mapping[str, Any]


class Loaded:
    """Models by place, each loaded once and again when its file changes."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, float], Model] = OrderedDict()
        self._editor: tuple[tuple[str, float], ImageEditor] | None = None

    def get(self, place: object) -> Model:
        """The model in a place.

        Raises:
            UserError: if there is none.
        """
        name = _checked(str, place, "model")
        key = name, _changed(Path(name))
        if key not in self._models:
            for old in [one for one in self._models if one[0] == name]:
                del self._models[old]
            self._models[key] = load(name)
        self._models.move_to_end(key)
        while len(self._models) > 1 and (len(self._models) > MOST_MODELS or _memory_is_short()):
            self._models.popitem(last=False)
        return self._models[key]

    def editor(self, place: str) -> ImageEditor:
        """The model of a place that encodes, with its attribute directions; the last is kept."""
        key = place, _changed(Path(place))
        if self._editor is None or self._editor[0] != key:
            self._editor = key, ImageEditor.of(place, EditOptions())
        return self._editor[1]


def sample(models: Loaded, request: Request) -> dict[str, Json]:
    """Images of consecutive seeds, a file each."""
    options = _options(SampleOptions, request, without=("film", "init", "mask"))
    if options.count > MOST_SAMPLES:
        raise UserError(f"at most {MOST_SAMPLES} images at once; more with a job.")
    model = models.get(request["model"])
    made = api.sample(model, options=options)
    labels = model.labels(len(made), options.label or None)
    out = Path(request["out"])
    images: list[Json] = []
    for number, image in enumerate(made):
        file = out / f"{options.seed + number:06d}.png"
        image_io.save(image, file)
        label = None if labels is None else model.class_names[labels[number]]
        images.append({"path": str(file), "seed": options.seed + number, "label": label})
    return {"images": images}


def translate(models: Loaded, request: Request) -> dict[str, Json]:
    """Images translated, beside their sources."""
    options = _options(TranslateOptions, request)
    paths = _images(request)
    result = api.translate(models.get(request["model"]), paths, out=request["out"], options=options)
    return _pairs(paths, result.files, result.failed)


def upscale(models: Loaded, request: Request) -> dict[str, Json]:
    """Images upscaled, beside their sources."""
    options = _options(UpscaleOptions, request)
    paths = _images(request)
    model = models.get(request.get("model") or default_upscaler(options.scale))
    result = api.upscale(paths, out=request["out"], model=model, options=options)
    return _pairs(paths, result.files, result.failed)


def edit(models: Loaded, request: Request) -> dict[str, Json]:
    """An image with attributes added or removed; without any its reconstruction."""
    add = _checked(dict[str, float], request.get("add"), "add")
    image = Path(_checked(str, request.get("image"), "image"))
    refine = _checked(int, request.get("refine", 0), "refine")
    editor = models.editor(_checked(str, request["model"], "model"))
    _, latent = editor.encode(image, refine)
    file = Path(request["out"]) / "edited.png"
    image_io.save(editor.edit(latent, add)[0], file)
    return {"image": str(file)}


def directions(models: Loaded, request: Request) -> dict[str, Json]:
    """The attributes of the images that a run was trained on; none where they have none."""
    from reverie.inference.latent.files import attributes_for

    place = _checked(str, request["model"], "model")
    try:
        return {"attributes": list(attributes_for(place, None).names)}
    except UserError as error:
        return {"attributes": [], "why": str(error)}


def latent(models: Loaded, request: Request) -> dict[str, Json]:
    """Images of points of a plane in [-1, 1]², at the quantiles of the standard normal prior."""
    points = _checked(tuple[tuple[float, float], ...], request.get("points"), "points")
    if not 0 < len(points) <= MOST_POINTS:
        raise UserError(f"give 1 to {MOST_POINTS} points.")
    shares = torch.tensor(points).clamp(-0.999, 0.999)
    made = models.get(request["model"]).generate(2**0.5 * torch.erfinv(shares))
    return {"images": [_data_uri(image) for image in made]}


def drawn(models: Loaded, request: Request) -> dict[str, Json]:
    """What a model makes of a drawn image: its latents and its reconstruction, where it encodes,
    and the probability that its discriminator gives it, where it has one."""
    model = models.get(request["model"])
    if not isinstance(model.method, Discriminates):
        require(model.method, Encodes, model.name)
    image = _of_data_uri(_checked(str, request.get("image"), "image"), model)
    latents = model.encode(image) if isinstance(model.method, Encodes) else None
    return {
        "latent": None if latents is None else latents[0].tolist(),
        "reconstruction": None if latents is None else _data_uri(model.generate(latents)[0]),
        "probability": _probability(model, image),
    }


@torch.no_grad()
def _probability(model: Model, image: torch.Tensor) -> float | None:
    """D(x) of an image as the training logs it; against generated images where it is relative."""
    method = model.method
    if not isinstance(method, Discriminates):
        return None
    probabilities = ADVERSARIAL[method.options.loss].probabilities
    if probabilities is None:
        return None
    generated = method.discriminate(model.sample(COMPARED))
    judged = method.discriminate(image).expand(COMPARED)
    return float(probabilities(judged, generated)[0].mean())


VERBS: Mapping[str, Callable[[Loaded, Request], dict[str, Json]]] = {
    one.__name__: one for one in (sample, translate, upscale, edit, directions, latent, drawn)
}


def answer(models: Loaded, line: bytes) -> dict[str, Json]:
    """The answer to a request; what goes wrong is said in one sentence."""
    try:
        request = json.loads(line)
        return VERBS[request["verb"]](models, request)
    except UserError as error:
        return {"error": str(error)}
    except KeyError as error:
        return {"error": f"{error} must be given."}
    except MemoryError:
        return {"error": "there is not enough memory: use a smaller image, or fewer."}
    except OSError as error:
        return {"error": f"{error.filename or 'a file'}: {error.strerror or error}."}
    except RuntimeError as error:
        return {"error": f"this could not be computed ({str(error).splitlines()[0][:200]})."}


def _pairs(paths: list[Path], files: list[Path], failed: dict[str, str]) -> dict[str, Json]:
    made = [path for path in paths if str(path) not in failed]
    pairs: list[Json] = [
        {"source": str(source), "result": str(file)}
        for source, file in zip(made, files, strict=False)
    ]
    return {"pairs": pairs, "failed": dict(failed)}


def _images(request: Request) -> list[Path]:
    names = _checked(tuple[str, ...], request.get("images"), "images")
    if not 0 < len(names) <= MOST_IMAGES:
        raise UserError(f"give 1 to {MOST_IMAGES} images; whole folders with a job.")
    return [Path(name) for name in names]


def _options(kind: type, request: Request, without: tuple[str, ...] = ()) -> Any:
    """The options of a verb that a request names."""
    names = {field for field in kind.__dataclass_fields__ if field not in without}
    return kind(**{k: v for k, v in request.items() if k in names and v is not None})


def _checked(kind: Any, value: object, name: str) -> Any:
    try:
        return coerce(kind, value)
    except InvalidValue as invalid:
        raise UserError(f"{name} must be {invalid}.") from None


def _data_uri(image: torch.Tensor) -> str:
    content = image_io.encode(image_io.to_uint8(image[None])[0])
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _of_data_uri(text: str, model: Model) -> torch.Tensor:
    """The image in a data URI, at the size and with the channels of a model."""
    head, _, body = text.partition(",")
    if not head.startswith("data:image/png;base64") or len(text) > LONGEST_IMAGE:
        raise UserError("a drawn image is a small PNG.")
    try:
        with Image.open(io.BytesIO(base64.b64decode(body, validate=True)), formats=["PNG"]) as file:
            if file.width * file.height > 4096 * 4096:
                raise UserError("a drawn image has 4096 pixels a side at most.")
            pixels = image_io.to_array(file)
    except (ValueError, OSError, SyntaxError):
        raise UserError("this is no PNG.") from None
    spec = model.method.spec
    pixels = image_io.resize(image_io.with_channels(pixels, spec.channels), spec.size)
    return image_io.to_tensor(np.ascontiguousarray(pixels)[None])


def _memory_is_short() -> bool:
    used = psutil.Process().memory_info().rss
    return used > LARGEST_SHARE * psutil.virtual_memory().total


def _changed(place: Path) -> float:
    for file in (place / "model" / "model.safetensors", place / "model.safetensors", place):
        with contextlib.suppress(OSError):
            return file.stat().st_mtime
    return 0.0


def main() -> None:
    """Answer requests until the input ends."""
    models = Loaded()
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        answers.write(json.dumps(answer(models, line)).encode() + b"\n")


if __name__ == "__main__":
    main()
