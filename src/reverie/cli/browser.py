"""Opening a page in the browser, where there is one."""

import os
import sys
from pathlib import Path


def open_in_browser(page: Path) -> bool:
    """Open a page, and say whether a browser took it."""
    if not _has_browser():
        return False
    import webbrowser  # imported here since it is rarely needed

    try:
        return webbrowser.open(page.absolute().as_uri())
    except webbrowser.Error:
        return False


def _has_browser() -> bool:
    """Whether a browser can open a window here, rather than take over the terminal."""
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
