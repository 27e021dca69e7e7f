import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("multipart")
pytest.importorskip("prometheus_client")

from starlette.testclient import TestClient

from reverie.data import ImageSpec
from reverie.inference.latent.files import ImageEditor
from reverie.inference.latent.vectors import difference_of_means
from reverie.inference.model import Model
from reverie.methods import METHODS
from reverie.serve.app import build
from reverie.serve.models import ServedModel, load_models
from reverie.serve.options import ServeOptions
from reverie.serve.service import Service
from reverie.testing.subject import subject_of

HOSTS = frozenset(["testserver"])
Connect = Callable[..., AbstractContextManager[TestClient]]


def untrained(name: str, spec: ImageSpec) -> Model:
    """A model with initial weights."""
    return Model(name, name, subject_of(METHODS[name]).build(spec).eval())


@pytest.fixture(scope="session")
def served() -> dict[str, ServedModel]:
    """Models for every action: those of the package, a translator, and an encoder."""
    models = load_models({"digits": "digits", "photos-x4": "photos-x4"}, "cpu")
    translator = untrained("cyclegan", ImageSpec(3, 32))
    models["translator"] = ServedModel("translator", translator)
    vae = untrained("vae", ImageSpec(1, 16))
    latents = vae.encode(torch.rand(40, 1, 16, 16, generator=torch.Generator().manual_seed(0)))
    bright = difference_of_means("Bright", latents, torch.arange(40) % 2 == 0)
    editor = ImageEditor(vae, {"Bright": bright})
    models["faces"] = ServedModel("faces", vae, vae, editor)
    return models


def service_of(served: Mapping[str, ServedModel], **options: Any) -> Service:
    """The service of models that are loaded already."""
    loaded = dict(served)
    return Service(ServeOptions(**options), {}, lambda places, device: loaded)


@pytest.fixture
def connect(served: dict[str, ServedModel]) -> Connect:
    """A client of a server with the given options, once its models are loaded."""

    @contextmanager
    def open_client(
        service: Service | None = None, token: str | None = None, **options: Any
    ) -> Iterator[TestClient]:
        service = service or service_of(served, **options)
        with TestClient(build(service, token, HOSTS)) as client:
            while service.models is None:
                assert service.error is None, service.error
                time.sleep(0.001)
            yield client

    return open_client


@pytest.fixture
def client(connect: Connect) -> Iterator[TestClient]:
    with connect() as client:
        yield client


def photo(width: int = 24, height: int = 16, mode: str = "RGB", suffix: str = "PNG") -> bytes:
    """An image file of random pixels."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (height, width, bands) if bands > 1 else (height, width)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, suffix)
    return buffer.getvalue()


def pixels_of(content: bytes) -> np.ndarray:
    """The pixels of an image file."""
    return np.asarray(Image.open(io.BytesIO(content)))
