"""`reverie cache`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from reverie.cli.command import Command

if TYPE_CHECKING:
    from reverie.data.cache_contents import CacheResult


@dataclass(frozen=True, kw_only=True)
class CacheCommand(Command):
    """Show, check or empty the cache of decoded images, features and fetched datasets."""

    usage: ClassVar = ""
    verify: bool = False
    """Read all decoded images and features and remove damaged ones; read the contents of all
    datasets' files again when they are used next, whatever their sizes and times say."""
    empty: bool = False
    """Remove the decoded images and features that no process uses; they are made again when they
    are needed."""
    remove: tuple[str, ...] = ()
    """Names of fetched datasets to remove."""

    def run(self) -> "CacheResult":
        from reverie.data.cache_contents import manage_cache

        return manage_cache(verify=self.verify, empty=self.empty, remove=self.remove)
