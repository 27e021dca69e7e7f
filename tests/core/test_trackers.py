from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.core.trackers import refuse_broken_tracker, refuse_no_tracker


def test_trackers() -> None:
    refuse_no_tracker("json", ["json"])  # a package that is always there
    with pytest.raises(UserError, match="there is no tracker 'wandb2'; did you mean 'wandb'"):
        refuse_no_tracker("wandb2", ["wandb", "aim"])
    with pytest.raises(UserError, match="nothing_here is not installed: pip install nothing_here"):
        refuse_no_tracker("nothing_here", ["nothing_here"])


def test_a_package_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_tracker.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(str(tmp_path))
    refuse_broken_tracker("json")
    words = r"broken_tracker is installed but cannot be imported \(ModuleNotFoundError: .*\)"
    with pytest.raises(UserError, match=words):
        refuse_broken_tracker("broken_tracker")
