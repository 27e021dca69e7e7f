"""Runs and model folders that the code of commit 6e6a689 wrote, before the package was reorganised.

Kept in tests/reference/runs, made by tests/reference/make_runs.py. Processors round differently, so
the comparison is within what float32 allows; tests/quality/test_old_code.py compares bit by bit
where the old code can be run on the same machine.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import reverie
from tests.fingerprint import METHODS, make_images
from tests.reference.make_runs import RUNS, outputs


@pytest.mark.parametrize("method", METHODS)
def test_a_model_folder_gives_the_same_images(method: str) -> None:
    with np.load(RUNS / method / "outputs.npz") as kept:
        expected = dict(kept)
    found = outputs(reverie.load(RUNS / method / "model"))
    assert found.keys() == expected.keys()
    assert found
    for name, images in found.items():
        np.testing.assert_allclose(images, expected[name], rtol=0, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_is_resumed_to_the_same_weights(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps 4 and 5 from the old checkpoint move the weights as the old code moved them.

    Adam divides by the root of the second moment, which for some weights is next to nothing, so
    the difference is measured beside the length of the way that all weights go.
    """
    monkeypatch.chdir(tmp_path)
    make_images()
    shutil.copytree(RUNS / method, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "model")
    (checkpoint,) = (RUNS / method / "checkpoints").glob("*.safetensors")
    before = load_file(checkpoint)
    done = reverie.train(method, out="run", resume=True)
    assert (done.steps, done.finished) == (5, True)
    wanted = load_file(RUNS / method / "model" / "model.safetensors")
    found = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert found.keys() == wanted.keys()
    missed = moved = 0.0
    for name, tensor in found.items():
        start = before.get(f"averaged.{name}", before[f"method.{name}"])
        missed += float((tensor - wanted[name]).double().square().sum())
        moved += float((wanted[name] - start).double().square().sum())
    assert moved > 0
    assert missed**0.5 < 0.02 * moved**0.5
    assert all(torch.isfinite(tensor).all() for tensor in found.values())
