import pytest

from reverie.core.errors import UserError
from reverie.core.trackers import refuse_no_tracker


def test_trackers() -> None:
    refuse_no_tracker("json", ["json"])  # a package that is always there
    with pytest.raises(UserError, match="there is no tracker 'wandb2'; did you mean 'wandb'"):
        refuse_no_tracker("wandb2", ["wandb", "aim"])
    with pytest.raises(UserError, match="nothing_here is not installed: pip install nothing_here"):
        refuse_no_tracker("nothing_here", ["nothing_here"])
