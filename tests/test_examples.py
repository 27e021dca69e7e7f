"""The minimal examples run, write their sheets and stay short."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

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
