import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.evaluation import evaluate as module
from reverie.evaluation.evaluate import EVALUATORS, EvaluateResult, evaluate
from reverie.inference.model import Model
from reverie.inference.options import DenoisingOptions, EvaluateOptions
from reverie.methods import Samples, Translates, Upscales
from reverie.methods.presets import recipe_for
from reverie.runs.model_folder import build_method


def build(name: str, size: int = 16, **options: Any) -> Model:
    method = build_method(recipe_for(name).with_options(**options), ImageSpec(1, size))
    return Model(f"my {name}", name, method.eval())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The capability by which each model was evaluated."""
    found: list[Any] = []
    for capability in EVALUATORS:

        def evaluator(model: Model, data: Any, *rest: Any, capability: type = capability) -> dict:
            found.append((capability, model.name, data.data, data.split))
            return {"figure": 1.5}

        monkeypatch.setitem(EVALUATORS, capability, evaluator)
    return found


@pytest.mark.parametrize(
    ("name", "size", "options", "capability"),
    [
        ("vae", 16, {"hidden": (8,)}, Samples),
        ("pix2pix", 32, {"width": 4}, Translates),
        ("srresnet", 48, {"network": "compact", "width": 4, "blocks": 1}, Upscales),
    ],
)
def test_a_model_is_evaluated_by_what_it_can_do(
    asked: list[Any], name: str, size: int, options: dict[str, Any], capability: type
) -> None:
    model = build(name, size, **options)
    result = evaluate(model, EvaluateOptions(data="d", split="all"))
    assert asked == [(capability, f"my {name}", "d", "all")]
    assert result.to_json() == {"figure": 1.5}
    assert result.summary() == "figure  1.5"


def test_figures_are_written(asked: list[Any], tmp_path: Path) -> None:
    model, options = build("vae", hidden=(8,)), EvaluateOptions(data="d")
    evaluate(model, options, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == {"figure": 1.5}
    with pytest.raises(UserError, match=r"a\.txt: figures are written as \.json"):
        evaluate(model, options, tmp_path / "a.txt")


def test_a_wrong_name_of_the_file_is_refused_before_the_work(
    asked: list[Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError):
        evaluate(build("vae", hidden=(8,)), EvaluateOptions(data="d"), tmp_path / "a.txt")
    assert asked == []


def test_sampling_options_reach_the_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    got: dict[str, Any] = {}
    monkeypatch.setattr(module, "evaluate_model", lambda model, data, **o: got.update(o) or {})
    options = EvaluateOptions(data="d", steps=5, sampler="heun", guidance=2.0, count=7, seed=3)
    evaluate(build("vae", hidden=(8,)), options)
    assert got["sampling"] == DenoisingOptions(steps=5, sampler="heun", guidance=2.0)
    assert (got["count"], got["seed"]) == (7, 3)


def test_folders(photos, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = photos(2, "one"), photos(2, "other")
    got = []
    monkeypatch.setattr(
        module,
        "evaluate_folders",
        lambda a, b, **options: got.append((a.data, b.data)) or {"x": 1.0},
    )
    assert evaluate(one, EvaluateOptions(data=str(other))).figures == {"x": 1.0}
    assert got == [(str(one), str(other))]
    with pytest.raises(UserError, match="it takes no samples and no report"):
        evaluate(one, EvaluateOptions(data=str(other), count=3))


def test_pairs(photos) -> None:
    one = photos(2, "one")
    figures = evaluate(one, EvaluateOptions(data=str(one), pairs=True, luma=True, border=2)).figures
    assert figures["psnr[Y, border 2, 2 pairs]"] == pytest.approx(100)
    assert figures["ssim[Y, border 2, 2 pairs]"] == pytest.approx(1)
    assert figures["perceptual_distance[efficientnet, 2 pairs]"] == pytest.approx(0, abs=1e-6)
    for options in ({"luma": True}, {"border": 3}):
        with pytest.raises(UserError, match="are for pairs: add --pairs"):
            evaluate(one, EvaluateOptions(data=str(one), **options))


def test_a_bad_pair_is_left_out(photos) -> None:
    one, other = photos(4, "one"), photos(4, "other")
    (one / "001.png").write_bytes(b"no image")
    (other / "002.png").unlink()
    (other / "002.png").symlink_to("nowhere")
    result = evaluate(one, EvaluateOptions(data=str(other), pairs=True))
    assert "psnr[RGB, 2 pairs]" in result.figures
    assert len(result.failed) == 2
    assert result.exit_code == 1
    Image.new("RGB", (40, 32)).save(one / "000.gif")
    with pytest.raises(UserError, match=r"000\.gif and .*000\.png have the same name"):
        evaluate(one, EvaluateOptions(data=str(other), pairs=True))
    for file in (*one.iterdir(), *other.iterdir()):
        file.unlink()
    for folder in (one, other):
        (folder / "a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="none of 1 image could be compared"):
        evaluate(one, EvaluateOptions(data=str(other), pairs=True))


def test_a_result_is_json(tmp_path: Path) -> None:
    figures = {"a[x]": float(torch.tensor(1.25)), "b": 2.0}
    assert json.loads(json.dumps(EvaluateResult(figures).to_json())) == figures
