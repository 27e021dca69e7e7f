import json
from pathlib import Path

import pytest

import reverie
from reverie.core.errors import UserError
from reverie.inference.info import info
from reverie.methods.capabilities import describe_capabilities
from reverie.runs.run import Run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    options = {"data": "digits", "batch_size": 4, "steps": 2, "hidden": (8,), "latent_size": 3}
    reverie.train("vae", out=out, **options)
    return out


def test_a_run(place: Path) -> None:
    facts = info(place).facts
    model = reverie.load(place)
    assert (facts["method"], facts["image_size"], facts["channels"]) == ("vae", 28, 1)
    assert facts["can"] == describe_capabilities(model.method)
    # Linear layers 784 → 8 → 2·3 and back 3 → 8 → 784, with biases.
    assert facts["parameters"] == {
        "encoder": 784 * 8 + 8 + 8 * 6 + 6,
        "decoder": 3 * 8 + 8 + 8 * 784 + 784,
    }
    assert (facts["data"], facts["pictures"], facts["step"]) == ("digits", 8000, 2)
    assert facts["images_seen"] == 8
    assert facts["options"]["latent_size"] == 3  # type: ignore[index,call-overload]
    assert "best" not in facts
    json.dumps(info(place).to_json())


def test_a_model_folder_knows_nothing_of_its_run(place: Path) -> None:
    facts = info(place / "model").facts
    assert facts["method"] == "vae"
    assert "data" not in facts
    assert "step" not in facts


def test_a_run_without_a_model(place: Path) -> None:
    (place / "model").rename(place / "elsewhere")
    try:
        facts = info(place).facts
    finally:
        (place / "elsewhere").rename(place / "model")
    assert "parameters" not in facts
    assert facts["step"] == 2


def test_the_best_model_is_named(place: Path) -> None:
    run = Run(place)
    for step, distance in ((1, 5.0), (2, 3.0), (3, 4.0)):
        run.log_evaluation({"step": step, "figures": {"frechet_distance[x]": distance}})
    try:
        assert info(place).facts["best"] == {
            "model": str(place / "best"),
            "step": 2,
            "frechet_distance[x]": 3.0,
        }
    finally:
        run.evaluations_file.unlink()


def test_a_summary_for_a_terminal(place: Path) -> None:
    lines = info(str(place)).summary().splitlines()
    assert lines[0].split() == ["place", str(place)]
    assert any(line.split() == ["image_size", "28"] for line in lines)


def test_the_model_in_the_package() -> None:
    facts = info("photos-x4").facts
    assert "upscales images" in str(facts["can"])


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run or model folder of that name"):
        info("nowhere")
    with pytest.raises(UserError, match=r"config\.json is missing"):
        info(tmp_path)
