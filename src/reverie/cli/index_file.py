"""The file of the index, alone, for help that imports nothing else."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("index.json")


@cache
def index() -> dict[str, Any]:
    """The content of the file: commands, datasets, experiments and parts by name."""
    return json.loads(FILE.read_text(encoding="utf-8"))
