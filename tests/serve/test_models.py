from pathlib import Path

import pytest
import torch

import reverie
from reverie.core.errors import UserError
from reverie.serve.models import ServedModel, load_models, model_of


def test_a_run_with_attributes_can_be_edited(tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    data = tmp_path / "data"
    (data / "img_align_celeba").mkdir(parents=True)
    lines = ["12", "Bright Large"]
    for number in range(12):
        Image.fromarray(np.full((16, 16), 20 * number, np.uint8)).save(
            data / "img_align_celeba" / f"{number}.png"
        )
        lines.append(f"{number}.png {1 if number > 5 else -1} {1 if number % 2 else -1}")
    (data / "list_attr_celeba.txt").write_text("\n".join(lines))
    run = tmp_path / "runs" / "faces"
    reverie.train(
        "vae", data=str(data), out=run, image_size=16, hidden=(8,), steps=2, latent_size=2,
        cache=False, likelihood="gaussian",
    )  # fmt: skip
    faces = load_models({"faces": str(run)}, "cpu")["faces"]
    assert faces.actions == ("sample", "edit", "reconstruct")
    assert faces.encoder is faces.model  # one copy in memory
    assert faces.to_json()["attributes"] == ("Bright", "Large")
    assert str(tmp_path) not in str(faces.to_json())


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run or model folder"):
        load_models({"x": str(tmp_path / "x")}, "cpu")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="PyTorch finds no cuda device"):
            load_models({"digits": "digits"}, "cuda")


def test_a_model_by_its_name(served: dict[str, ServedModel]) -> None:
    assert model_of(served, "digits") is served["digits"]
    with pytest.raises(UserError, match="did you mean 'digits'"):
        model_of(served, "digit")
