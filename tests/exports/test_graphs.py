"""Which computations a model has, and what they take."""

import pytest
import torch

from reverie.data import ImageSpec
from reverie.exports.graphs import Graph, example_size, free_axes, graphs_of
from reverie.methods import METHODS
from tests.exports.conftest import tiny

EXPECTED = {
    "vae": ["generate", "encode"],
    "gan": ["generate"],
    "dcgan": ["generate"],
    "cgan": ["generate"],
    "diffusion": ["denoise"],
    "cyclegan": ["ab", "ba"],
    "pix2pix": ["ab"],
    "cut": ["ab"],
    "srresnet": ["upscale"],
    "srgan": ["upscale"],
    "esrgan": ["upscale"],
    "encoder": ["generate", "encode"],
}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_graphs(method: str) -> None:
    graphs = list(graphs_of(tiny(method)))
    assert [graph.name for graph in graphs] == EXPECTED[method]
    for graph in graphs:
        inputs = graph.example(3, 2 * 32, 32)
        with torch.no_grad():
            made = graph.network(*inputs)
        sizes = {"batch": 3, "height": 64, "width": 32, "4*height": 256, "4*width": 128}
        assert list(made.shape) == [sizes.get(str(x), x) for x in graph.output_shape]
        assert all(
            torch.equal(*pair) for pair in zip(inputs, graph.example(3, 64, 32), strict=True)
        )
        assert graph.resizes == (graph.name in ("ab", "ba", "upscale"))
        assert graph.takes_images == (graph.resizes or graph.name == "encode")


def by_name(method: str, **options: object) -> dict[str, Graph]:
    return {graph.name: graph for graph in graphs_of(tiny(method, **options))}  # type: ignore[arg-type]


def test_a_denoiser_takes_the_label_of_no_class() -> None:
    graph = by_name("diffusion")["denoise"]
    assert [one.name for one in graph.inputs] == ["x", "sigma", "label"]
    labels = graph.example(2000)[2]
    assert sorted(set(labels.tolist())) == list(range(11))
    assert set(graph.sampling) == {"steps", "schedule", "sigma_min", "sigma_max", "guidance"}
    few = by_name("diffusion", objective="flow", few_steps=0.3, conditional=False)["denoise"]
    assert [one.name for one in few.inputs] == ["x", "sigma", "until"]


def test_graphs_are_what_the_model_does() -> None:
    model = tiny("cgan")
    graph = by_name("cgan")["generate"]
    latents, labels = graph.example(4)
    assert labels.max() < 10
    with torch.no_grad():
        made = graph.network(latents, labels)
    torch.testing.assert_close(made, model.generate(latents, label=labels.tolist()))
    model, graph = tiny("vae"), by_name("vae")["encode"]
    images = torch.rand(2, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(graph.network(images), model.encode(images))


def test_free_axes_are_multiples() -> None:
    graph = next(graphs_of(tiny("pix2pix", ImageSpec(3, 64))))
    assert graph.multiple > 1
    assert all(side % graph.multiple == 0 for side in example_size(graph))
    (axes,) = free_axes(graph)
    assert list(axes) == [0, 2, 3]
    axes, _ = free_axes(by_name("cgan")["generate"])
    assert list(axes) == [0]
    assert example_size(by_name("vae")["encode"]) == (0, 0)


@pytest.mark.parametrize(
    ("norm", "tiled"), [("instance", False), ("group", False), ("batch", True)]
)
def test_networks_with_norms_over_the_whole_image_have_no_radius(norm: str, tiled: bool) -> None:
    graph = by_name("cut", norm=norm)["ab"]
    assert (graph.receptive_radius >= 0) == tiled
