"""Runs of the code of commit 6e6a689, made on this machine, are resumed and used bit by bit."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
OLD = "6e6a689"


@pytest.fixture(scope="module")
def old_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The old package, from the history."""
    folder = tmp_path_factory.mktemp("old")
    archive = subprocess.run(
        ["git", "archive", OLD, "src"], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(f"commit {OLD} is not in this checkout's history")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder / "src"


def fingerprint(source: Path, out: Path) -> dict:
    """What `tests/fingerprint.py` says of a source tree, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "tests" / "fingerprint.py"), str(out)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return json.loads(out.read_text())


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_losses_weights_samples_and_files_are_the_same(old_source: Path, tmp_path: Path) -> None:
    """Every variant's losses, weights, samples and sheets, and what most commands write."""
    old = fingerprint(old_source, tmp_path / "old.json")
    new = fingerprint(ROOT / "src", tmp_path / "new.json")
    assert new["trainings"] == old["trainings"]
    for words, facts in old["commands"].items():
        # Pages and sheets with words in them are worded anew; translate keeps more (CHANGELOG).
        kept = {
            file: digest
            for file, digest in facts["files"].items()
            if not file.endswith((".html", "reconstructed.png", "edited.png", "sweep.png"))
            and not file.endswith("sum.png")
        }
        found = new["commands"][words]["files"]
        assert {file: found.get(file) for file in kept} == kept, words


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_old_run_is_resumed_to_the_same_bits(
    old_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old code trains 5 steps; the new code resumes its checkpoint of step 3."""
    import reverie
    from tests.reference.make_runs import outputs

    tests = tmp_path / "tests"
    shutil.copytree(ROOT / "tests" / "reference", tests / "reference")
    (tests / "__init__.py").touch()
    shutil.copy(ROOT / "tests" / "fingerprint.py", tests)
    path = os.pathsep.join([str(old_source), str(tmp_path)])
    script = tests / "reference" / "make_runs.py"
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, str(script)], env=environment, check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("tests.fingerprint", None)
    from tests.fingerprint import make_images

    make_images()
    for run in sorted((tests / "reference" / "runs").iterdir()):
        with np.load(run / "outputs.npz") as kept:
            expected = dict(kept)
        for name, images in outputs(reverie.load(run / "model")).items():
            np.testing.assert_array_equal(images, expected[name], err_msg=f"{run.name} {name}")
        wanted = (run / "model" / "model.safetensors").read_bytes()
        shutil.rmtree(run / "model")
        reverie.train(run.name, out=run, resume=True)
        assert (run / "model" / "model.safetensors").read_bytes() == wanted, run.name
