"""`reverie --help`, derived from the commands."""

import re
from collections.abc import Mapping

from reverie.cli.command import Command


def help_text(commands: Mapping[str, type[Command]]) -> str:
    """What `reverie --help` prints: each command's usage and the first line of its docstring."""
    rows = [
        (f"reverie {name} {command.usage}".rstrip(), re.split(r"[;.]", command.__doc__ or "")[0])
        for name, command in commands.items()
    ]
    width = max(len(usage) for usage, _ in rows)
    lines = "\n".join(f"  {usage:<{width}}  {about}" for usage, about in rows)
    title = "train image generators, translators and upscalers on your own images, and use them"
    return f"""reverie: {title}.

{lines}

IMAGES is a folder, a table, an IDX file or a dataset's name. Each command explains itself with
--help, and prints one JSON object with --json.
"""
