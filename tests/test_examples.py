"""The examples run and write their sheets; the minimal ones stay short."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

import reverie
from reverie.core.rng import latents_of_seeds
from tests.exports.conftest import tiny

EXAMPLES = Path(__file__).parent.parent / "examples"
MINIMAL = ["minimal_dcgan.py", "minimal_diffusion.py"]
SHEET_SIZE = 10 * (2 * 28 + 2) + 2  # ten digits a row, at twice their size, 2 pixels apart


@pytest.mark.parametrize("name", MINIMAL)
def test_example_writes_a_sheet(name: str, tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, "--steps", "3", "--out", "sheet.png"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "step 3:" in done.stdout
    assert "0 s left" in done.stdout
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (SHEET_SIZE, SHEET_SIZE)
        assert sheet.mode == "L"


@pytest.mark.parametrize("name", MINIMAL)
def test_example_is_read_in_one_sitting(name: str) -> None:
    assert 60 <= len((EXAMPLES / name).read_text().splitlines()) <= 100


@pytest.mark.parametrize("name", ["tiny", pytest.param("digits", marks=pytest.mark.slow)])
def test_digits_of_an_onnx_file_are_the_librarys(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("onnx_digits", EXAMPLES / "onnx_digits.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    path = tmp_path / "digits.onnx"
    small = {"blocks": 1, "multipliers": (1,), "attention": ()}
    model = tiny("diffusion", **small) if name == "tiny" else reverie.load(name)
    reverie.export(model, out=path)

    noise = latents_of_seeds(range(3), (1, 28, 28))
    labels = [7, 0, 3]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    made = example.sample(session, noise.double().numpy(), np.array(labels), 2.0)
    wanted = model.generate(noise, label=labels, guidance=2.0)
    torch.testing.assert_close(torch.from_numpy(made).float(), wanted, rtol=0, atol=1e-4)

    monkeypatch.setattr(
        sys, "argv", ["onnx_digits.py", str(path), "--out", str(tmp_path / "d.png")]
    )
    example.main()
    with Image.open(tmp_path / "d.png") as sheet:
        assert sheet.size == (280, 28)
