"""The file of the index of methods, alone, for help that imports nothing else."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("index.json")


@cache
def indexed_methods() -> dict[str, Any]:
    """What is said of each method that comes with reverie, by its name."""
    return json.loads(FILE.read_text(encoding="utf-8"))
