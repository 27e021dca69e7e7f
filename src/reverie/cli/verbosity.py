"""`--quiet` and `--verbose`, which every command takes."""

import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from reverie.core import progress

QUIET, VERBOSE = ("-q", "--quiet"), ("-v", "--verbose")


class Verbosity(NamedTuple):
    """How much is said on standard error: `quiet` but errors, `verbose` also what explains them."""

    quiet: bool = False
    verbose: bool = False
    started: float = 0.0

    @staticmethod
    def of(argv: Sequence[str]) -> "tuple[Verbosity, list[str]]":
        """What the words ask for, and the words without it."""
        rest = [word for word in argv if word not in (*QUIET, *VERBOSE)]
        verbose = any(word in VERBOSE for word in argv)
        quiet = any(word in QUIET for word in argv) and not verbose
        return Verbosity(quiet, verbose, time.monotonic()), rest

    def explain(self, error: BaseException) -> None:
        """Where an error was found, for the verbose."""
        if self.verbose:
            import traceback

            for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
                progress.say(line)

    def report(self) -> None:
        """Versions, device, time and memory of a command that has run, for the verbose."""
        if not self.verbose:
            return
        from importlib.metadata import version

        from reverie.core.result import counted

        parts = [f"reverie {version('reverie')}", f"Python {sys.version.split()[0]}"]
        torch = sys.modules.get("torch")
        if torch is not None:
            gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
            parts += [
                f"PyTorch {torch.__version__}",
                counted(torch.get_num_threads(), "thread"),
                gpu,
            ]
        parts += [f"{time.monotonic() - self.started:.1f} seconds", *_memory()]
        progress.say(", ".join(parts))


def _memory() -> list[str]:
    try:
        import resource
    except ImportError:  # on Windows
        return []
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return [f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:,.0f} MB of memory"]
