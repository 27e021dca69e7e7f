"""How a dream goes: the options of `dreaming`, without PyTorch, so that flags are read at once."""

from dataclasses import dataclass
from typing import Literal

from reverie.core.errors import UserError


@dataclass(frozen=True, kw_only=True)
class DreamOptions:
    """How a dream goes."""

    octaves: int = 4
    """Sizes at which it dreams, from small to large."""
    octave_scale: float = 1.4
    """How much larger each is than the one before."""
    steps: int = 10
    """Steps at each size."""
    step_size: float = 0.02
    """How far a step goes on average, where black to white is 2."""
    jitter: int = 32
    """Move the picture at random by up to so many pixels before each step."""
    normalise: Literal["mean-absolute", "deviation"] = "mean-absolute"
    """What the gradient is divided by."""
    carry: Literal["detail", "all"] = "detail"
    """From size to size: re-add what was dreamt to the original, or resize the whole picture."""
    smoothing: float = 0.0
    """Blur the gradient by a Gaussian of so many pixels, less with every step."""
    total_variation: float = 0.0
    """Weight of the differences between neighbours, against noise."""
    closeness: float = 0.0
    """Weight of the squared distance from the original."""
    tile: int = 512
    """Larger pictures are worked on in tiles of such a side."""
    seed: int = 0
    """Decides where the picture is moved to: same seed, same dream."""

    def check(self) -> None:
        """Raise a UserError if a number makes no sense."""
        for name, least in (("octaves", 1), ("steps", 1), ("tile", 64), ("jitter", 0)):
            if getattr(self, name) < least:
                raise UserError(f"--{name} is at least {least}, not {getattr(self, name)}.")
        if self.octave_scale <= 1 and self.octaves > 1:
            raise UserError(f"--octave-scale is above 1, not {self.octave_scale:g}.")
