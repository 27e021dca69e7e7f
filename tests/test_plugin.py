"""Methods, datasets, losses, backbones and upscaler families from outside of the package.

The plugin of `examples/plugin` is put on the path with the metadata of an installed distribution.
"""

import importlib
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import reverie
from reverie import METHODS, UserError
from reverie.cli.main import main
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import Method, MethodOptions, Phase
from reverie.methods.base import Loss
from reverie.methods.superres.families import FAMILIES
from reverie.nn.adversarial import ADVERSARIAL, AdversarialPair
from reverie.nn.backbones import BACKBONES, find_backbone
from reverie.nn.backbones.backbone import BackboneSpec, to_rgb

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "examples" / "plugin"
TINY = {"width": 4, "latent_size": 8, "batch_size": 4}
FLAGS = ["--width", "4", "--latent-size", "8", "--batch-size", "4"]


def write_metadata(folder: Path, name: str, groups: dict[str, dict[str, str]]) -> None:
    """What pip writes of a distribution: its name and its entry points."""
    info = folder / f"{name.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
            for group, points in groups.items()
        )
    )


@contextmanager
def on_path(*folders: Path) -> Iterator[None]:
    """Folders at the head of `sys.path`; modules of theirs are forgotten afterwards."""
    sys.path[:0] = map(str, folders)
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        yield
    finally:
        for folder in folders:
            sys.path.remove(str(folder))
        importlib.invalidate_caches()
        for name in set(sys.modules) - before:
            if name.split(".")[0] == "reverie_extras":
                del sys.modules[name]


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders that hold the plugin as an installed distribution."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    write_metadata(tmp_path / "site", project["name"], project["entry-points"])
    return tmp_path / "site", PLUGIN / "src"


@pytest.fixture
def plugin(site: tuple[Path, Path]) -> Iterator[None]:
    with on_path(*site):
        yield


@pytest.fixture(autouse=True)
def _forget_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (METHODS, ADVERSARIAL, BACKBONES, FAMILIES):
        monkeypatch.setattr(registry, "_registered", {})


def in_process(folders: tuple[Path, ...], environment: dict[str, str], *words: str) -> str:
    """Standard output of `reverie WORDS` in a process of its own, with `folders` on the path."""
    path = ":".join(map(str, (*folders, ROOT / "src")))
    done = subprocess.run(
        [sys.executable, "-m", "reverie", *words],
        env=environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_trains_a_plugin(
    site: tuple[Path, Path], environment: dict[str, str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ("train", "wgan-div", "--data", "shapes", "--steps", "2", "--out", str(run), "--json")
    result = json.loads(in_process(site, environment, *words, *FLAGS))
    assert result["steps"] == 2
    assert "Wasserstein divergence" in (run / "report.html").read_text()
    facts = json.loads(in_process(site, environment, "info", str(run), "--json"))
    assert facts["method"] == "wgan-div"
    assert facts["data"] == "shapes"
    assert facts["pictures"] == 3000
    assert json.loads((run / "model" / "config.json").read_text())["package"] == "reverie-extras"


@pytest.mark.usefixtures("plugin")
def test_help_lists_a_plugin_with_its_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    assert "wgan-div   GAN with the Wasserstein divergence" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["train", "wgan-div", "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert "--penalty-weight" in shown
    assert "Power p of the gradient's norm" in shown
    assert "  shapes " in shown[shown.index("Presets, for --preset NAME:") :]
    assert main(["data", "list"]) == 0
    assert "3,600 drawn circles" in capsys.readouterr().out


@pytest.mark.usefixtures("plugin")
def test_python_trains_loads_and_resumes_a_plugin(tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = reverie.train("wgan-div", data="shapes", steps=1, out=run, **TINY)
    assert result.report.exists()
    assert result.load().sample(2).shape == (2, 1, 28, 28)
    result = reverie.train("wgan-div", out=run, resume=True, steps=2)
    assert result.steps == 2
    assert reverie.load(run).method_name == "wgan-div"


@pytest.mark.usefixtures("plugin")
def test_the_class_of_a_plugin_keeps_its_name(tmp_path: Path) -> None:
    kind = importlib.import_module("reverie_extras.wgan_div").WGANDiv
    result = reverie.train(kind, data="digits", steps=1, out=tmp_path / "run", **TINY)
    assert result.load().method_name == "wgan-div"
    assert list(METHODS).count("wgan-div") == 1
    assert "wgandiv" not in METHODS


def test_an_absent_plugin_says_what_to_install(
    site: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    with on_path(*site):
        reverie.train("wgan-div", data="digits", steps=1, out=run, **TINY)
    sentence = (
        "reverie: the method 'wgan-div' is not built in and its plugin is absent: pip install "
        "reverie-extras."
    )
    for words in (
        ["sample", str(run)],
        ["info", str(run)],
        ["train", "wgan-div", "--out", str(run), "--resume"],
    ):
        capsys.readouterr()
        assert main(words) == 2
        assert capsys.readouterr().err.strip() == sentence, words


def test_a_broken_plugin_is_named_and_the_others_are_listed(
    site: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "broken_plugin.py").write_text("raise RuntimeError('no such GPU')\n")
    (tmp_path / "broken" / "odd_plugin.py").write_text("thing = 'text'\n")
    points = {"bad": "broken_plugin:Bad", "odd": "odd_plugin:thing", "gone": "no_module:Gone"}
    groups = dict.fromkeys(("reverie.methods", "reverie.datasets", "reverie.upscalers"), points)
    write_metadata(tmp_path / "broken", "broken-plugin", groups)
    with on_path(tmp_path / "broken", *site):
        assert main(["train", "--help"]) == 0
        shown = capsys.readouterr()
        assert "wgan-div" in shown.out
        assert "bad" not in shown.out
        assert "broken_plugin:Bad could not be imported (RuntimeError('no such GPU'))" in shown.err
        assert "it is no subclass of reverie.methods.Method" in shown.err
        assert "no_module:Gone could not be imported" in shown.err
        assert main(["data", "list"]) == 0
        shown = capsys.readouterr()
        assert "shapes" in shown.out
        assert "broken_plugin:Bad" in shown.err
        assert "the dataset 'odd' of odd_plugin:thing cannot be used: it is no Dataset" in shown.err
        assert main(["train", "bad", "--data", "digits", "--out", str(tmp_path / "run")]) == 2
        assert "repair or uninstall that package" in capsys.readouterr().err
        assert main(["train", "vae", "--data", "nothing", "--out", str(tmp_path / "run")]) == 2


def mine(factor: float = 1.0) -> type[Method]:
    """A class of one network, as a notebook cell defines it; each call defines it anew."""

    @dataclass(frozen=True, kw_only=True)
    class MineOptions(MethodOptions):
        """Options of one linear layer."""

        latent_size: int = 4
        """Length of the latent vector."""

    class Mine(Method):
        """A linear layer from latents to images, trained towards the mean image."""

        Options = MineOptions
        averaged = ("network",)
        about = f"linear layer {factor}"

        def __init__(self, options: MineOptions, spec: ImageSpec) -> None:
            super().__init__(options, spec)
            self.latent_shape = (options.latent_size,)
            pixels = spec.channels * spec.width * spec.height
            self.network = nn.Linear(options.latent_size, pixels)

        def phases(self) -> tuple[Phase, ...]:
            return (Phase(name="network", networks=(self.network,), loss=self.loss),)

        def loss(self, batch: Batch, rng: Rng) -> Loss:
            made = self.generate(rng.normal(len(batch), self.options.latent_size))
            return factor * (made - batch.images).square().mean(), {}

        def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
            shape = (self.spec.channels, *self.spec.size.shape)
            return self.network(latents).tanh().unflatten(1, shape)

    return Mine


def test_a_class_of_a_notebook_trains_loads_and_resumes(tmp_path: Path) -> None:
    run, small = tmp_path / "run", {"data": "digits", "batch_size": 4}
    first = mine()
    reverie.train(first, steps=1, out=run, **small)
    assert METHODS["mine"] is first
    again = mine(2.0)  # the cell is run again
    assert reverie.train(again, out=run, resume=True, steps=2).steps == 2
    assert METHODS["mine"] is again
    assert type(reverie.load(run).method) is again
    assert reverie.load(run).sample(3).shape == (3, 1, 28, 28)
    METHODS.register("linear", again)
    reverie.train(again, steps=1, out=tmp_path / "other", **small)
    assert (tmp_path / "other" / "model" / "config.json").exists()


def test_a_class_keeps_the_name_that_it_was_registered_by(tmp_path: Path) -> None:
    METHODS.register("linear", mine())
    again = mine(2.0)
    result = reverie.train(again, data="digits", steps=1, batch_size=4, out=tmp_path / "run")
    assert result.load().method_name == "linear"
    assert METHODS["linear"] is again
    assert "mine" not in METHODS


def test_a_run_of_an_unregistered_class_says_how_to_register_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    reverie.train(mine(), data="digits", steps=1, batch_size=4, out=run)
    monkeypatch.setattr(METHODS, "_registered", {})  # as in another process
    with pytest.raises(
        UserError, match=r"import .*Mine and register it, with reverie.*register\('mine', Mine\)"
    ):
        reverie.load(run)
    kind = mine()
    METHODS.register("mine", kind)
    assert type(reverie.load(run).method) is kind


def test_a_run_of_a_class_of_a_notebook_says_how_to_register_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = mine()
    kind.__module__ = "__main__"
    reverie.train(kind, data="digits", steps=1, batch_size=4, out=tmp_path / "run")
    monkeypatch.setattr(METHODS, "_registered", {})
    with pytest.raises(
        UserError, match=r"absent: register its class first, with .*register\('mine', \.\.\.\)\."
    ):
        reverie.load(tmp_path / "run")


def test_names_are_not_taken_from_others(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'vae' is built in"):
        METHODS.register("vae", mine())
    namesake = mine()
    namesake.__name__ = namesake.__qualname__ = "VAE"
    with pytest.raises(UserError, match="'vae' is built in: register yours by another name"):
        reverie.train(namesake, data="digits", steps=1, out=tmp_path / "run")
    other = mine()
    other.__module__ = "elsewhere"
    METHODS.register("mine", other)
    with pytest.raises(UserError, match=r"there is another method 'mine': register .*Mine by"):
        reverie.train(mine(), data="digits", steps=1, out=tmp_path / "run")


def test_what_is_no_method_is_refused_before_training(tmp_path: Path) -> None:
    incomplete = mine()
    del incomplete.about
    with pytest.raises(UserError, match="the class Mine has no about"):
        reverie.train(incomplete, data="digits", steps=1, out=tmp_path / "run")
    no_phases = type("NoPhases", (Method,), {"about": "x", "Options": MethodOptions})
    with pytest.raises(UserError, match="has no averaged and no phases"):
        METHODS.register("x", no_phases)
    with pytest.raises(UserError, match=r"no subclass of reverie\.methods\.Method"):
        reverie.train(nn.Linear, data="digits", steps=1, out=tmp_path / "run")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_a_registered_loss_trains_dcgan(tmp_path: Path) -> None:
    calls: list[str] = []

    def counted(name: str, sign: int) -> Callable[[Tensor, Tensor], Tensor]:
        def loss(real: Tensor, fake: Tensor) -> Tensor:
            calls.append(name)
            return sign * fake.mean()

        return loss

    ADVERSARIAL.register("mine", AdversarialPair(counted("d", 1), counted("g", -1)))
    run = tmp_path / "run"
    result = reverie.train("dcgan", data="digits", loss="mine", steps=2, out=run, **TINY)
    assert calls == ["d", "g", "d", "g"]
    assert result.load().method.options.loss == "mine"


@pytest.mark.usefixtures("plugin")
def test_the_loss_of_a_plugin_trains_dcgan(tmp_path: Path) -> None:
    run = tmp_path / "run"
    reverie.train("dcgan", data="digits", loss="pearson", steps=1, out=run, **TINY)
    pair = ADVERSARIAL["pearson"]
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([-1.0, 3.0])
    assert pair.discriminator(real, fake).item() == 0.5 * (1 + 1) / 2 + 0.5 * (0 + 16) / 2
    assert pair.generator(real, fake).item() == 0.5 * (1 + 9) / 2


def test_a_registered_backbone_is_found() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3)).eval()
    spec = BackboneSpec(
        build=lambda: network, preprocess=to_rgb, needs_file=False, default_layers=("0",)
    )
    BACKBONES.register("mine", spec)
    backbone = find_backbone("mine")
    assert backbone.name == "mine"
    assert backbone.activations(torch.zeros(2, 1, 8, 8), ["0"])["0"].shape == (2, 4, 6, 6)


@pytest.mark.usefixtures("plugin")
def test_dreams_use_the_backbone_of_a_plugin(tmp_path: Path, photos: Callable[..., Path]) -> None:
    image = next(photos(1).glob("*.png"))
    out = tmp_path / "dream.png"
    assert main(["dream", str(image), "--backbone", "random-features", "--out", str(out)]) == 0
    assert out.exists()


def test_a_registered_upscaler_family_trains(
    site: tuple[Path, Path], tmp_path: Path, photos: Callable[..., Path]
) -> None:
    with on_path(*site):
        family = importlib.import_module("reverie_extras.espcn").ESPCN_FAMILY
        options: dict[str, Any] = {"width": 4, "scale": 2, "image_size": 16, "batch_size": 4}
        folder = photos()
        for name in ("espcn", "mine"):
            if name == "mine":
                FAMILIES.register(name, family)
            run = tmp_path / name
            reverie.train("srresnet", data=str(folder), network=name, steps=2, out=run, **options)
            model = reverie.load(run)
            assert type(model.method.generator).__name__ == "ESPCN"
            assert model.upscale(torch.zeros(1, 3, 7, 5)).shape == (1, 3, 14, 10)
        weights = tmp_path / "weights.pth"
        generator = model.method.generator
        torch.save(generator.state_dict(), weights)  # a foreign file of a known family
        read = reverie.import_weights(weights)
        assert type(read) is family.network
        small = torch.rand(1, 3, 6, 6)
        torch.testing.assert_close(read(small), generator(small))
        torch.testing.assert_close(reverie.load(weights).upscale(small), model.upscale(small))


EXAMPLE_TESTS = re.findall(r"^def (test_\w+)", (PLUGIN / "tests/test_plugin.py").read_text(), re.M)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("name", EXAMPLE_TESTS)
def test_the_plugin_passes_its_own_tests(name: str) -> None:
    spec = importlib.util.spec_from_file_location("its_tests", PLUGIN / "tests" / "test_plugin.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    getattr(module, name)()


def test_the_documentation_shows_the_code_of_the_plugin() -> None:
    text = (ROOT / "docs" / "extending.md").read_text()
    blocks = re.findall(r"<!-- (examples/plugin/\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL)
    shown = {place for place, _ in blocks}
    for place, code in blocks:
        for part in code.split("...\n"):
            assert part.strip("\n") in (ROOT / place).read_text(), f"{place}:\n{part}"
    modules = {str(p.relative_to(ROOT)) for p in (PLUGIN / "src").rglob("[!_]*.py")}
    assert modules | {"examples/plugin/pyproject.toml", "examples/plugin/tests/test_plugin.py"} <= (
        shown
    )


def test_the_snippets_for_notebooks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "extending.md").read_text()
    snippet = re.findall(r"<!-- runs -->\n```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, object] = {"__name__": "notebook"}
    assert snippet
    for code in snippet:
        exec(code, names)
