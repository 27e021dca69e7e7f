import json

import pytest

from reverie.cli.cache import CacheCommand
from reverie.cli.main import main, parse_command
from reverie.core.files import cache_home


def test_flags() -> None:
    assert parse_command(["cache"]) == CacheCommand()
    command = parse_command(["cache", "--empty", "--verify", "--remove", "faces", "emoji"])
    assert command == CacheCommand(empty=True, verify=True, remove=("faces", "emoji"))


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    (cache_home() / "sets" / "faces").mkdir(parents=True)
    assert main(["cache", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "folder": str(cache_home()), "limit": 20_000_000_000, "images": [], "features": [],
        "sets": {"faces": 0},
    }  # fmt: skip
    assert main(["cache", "--remove", "facez"]) == 2
    assert "did you mean 'faces'" in capsys.readouterr().err
    assert main(["cache", "--empty", "--remove", "faces"]) == 0
    assert "fetched datasets: 0 bytes" in capsys.readouterr().out
