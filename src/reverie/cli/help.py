"""`reverie --help` and what `reverie` alone prints, from the index of the commands."""

import re
import textwrap

from reverie.cli.index_file import index

WIDTH = 80

TITLE = "train image generators, translators and upscalers on your own\nimages, and use them"

FIRST_STEPS = """  reverie sample digits --out numbers             images of a model that is here
  reverie upscale photo.jpg --out large           four times larger
  reverie train METHOD --data IMAGES --out RUN    train; reverie methods lists them
  reverie studio                                  all of it in the browser"""


def short_help() -> str:
    """What `reverie` alone prints."""
    return f"""reverie: {TITLE}.

{FIRST_STEPS}

reverie --help lists all commands, each explains itself with --help, and
reverie help TOPIC explains: commands, methods, data, options, recipes,
exit-codes, environment, completion.
"""


def help_text() -> str:
    """What `reverie --help` prints: each command's usage and the first line of its docstring."""
    rows = [
        (f"reverie {name} {one['usage']}".rstrip(), re.split(r"[;.]", one["about"])[0])
        for name, one in index()["commands"].items()
    ]
    lines = "\n".join(
        "\n".join([f"  {usage}", *(f"      {line}" for line in textwrap.wrap(about, WIDTH - 6))])
        for usage, about in rows
    )
    return f"""reverie: {TITLE}.

{lines}

IMAGES is a folder, a table, an array, an IDX file or a dataset's name.
Each command explains itself with --help, prints one JSON object with --json,
says nothing but errors with -q and more with -v.
Further: reverie help TOPIC explains methods, data, options, recipes,
exit-codes, environment, completion; reverie --version.
"""
