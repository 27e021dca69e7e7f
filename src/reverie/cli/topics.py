"""`reverie help TOPIC`: pages on what concerns several commands, and the help of each command."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reverie.cli.data import READABLE
from reverie.cli.help import help_text
from reverie.cli.help_page import EVERYWHERE, SHORT, columns_of
from reverie.cli.index import about_methods, dataset_entries
from reverie.core.errors import UserError, nearest
from reverie.core.options import flag_of
from reverie.core.result import FAILED_IN_PART, INTERRUPTED

ENVIRONMENT = {
    "REVERIE_CACHE": "The folder of decoded images, features and fetched datasets; by default "
    "reverie in XDG_CACHE_HOME or ~/.cache.",
    "REVERIE_CACHE_LIMIT": "How large the cache may become, as 500 MB or 1.5 TB; 20 GB.",
    "REVERIE_PROGRESS": "A file that holds the state of a running command as JSON.",
    "REVERIE_TOKEN": "The secret that reverie serve asks requests for.",
    "NO_COLOR": "With any value: no colours on a terminal.",
    "OMP_NUM_THREADS": "Threads of PyTorch and ONNX Runtime; by default one for each core.",
    "CUDA_VISIBLE_DEVICES": "The GPUs that are used, by number.",
    "HF_HOME, HF_TOKEN": "Where models of the Hugging Face hub are kept, and your token there.",
    "HF_HUB_OFFLINE": "1: never ask the hub.",
    "RANK, WORLD_SIZE": "Set by torchrun where several processes train together.",
}
"""Variables of the environment."""

EXIT_CODES = {
    0: "Done; also help, and reverie alone.",
    FAILED_IN_PART: "Some files could not be done, all others are; or a defect, with a traceback.",
    2: "Refused: one sentence on standard error says what is wrong and what to do.",
    INTERRUPTED: "Stopped by a signal in good order; --resume goes on.",
}
"""What a command ends with."""


def topic_text(words: Sequence[str], commands: Mapping[str, Any]) -> str:
    """The page of a topic; the help of a command or a method is printed, and ends the process.

    Args:
        words: what follows `reverie help`.
        commands: the commands by name.

    Raises:
        UserError: if there is no such topic.
    """
    topic = " ".join(words)
    if topic in TOPICS:
        return TOPICS[topic]()
    name = next((name for name in (topic, words[0]) if name in commands), None)
    if name is not None:
        rest = words[len(name.split()) :]
        listed = commands[name].parse(f"reverie {name}", [*rest, "--help"])
        return listed.run().summary()  # `train` without a method has no help but the methods
    if topic in about_methods():
        train = next(name for name in commands if name == TRAIN)
        commands[train].parse(f"reverie {train}", [topic, "--help"])
    known = [*TOPICS, *commands]
    close = nearest(topic, known)
    if close.startswith("known"):
        close = f"topics are: {', '.join(TOPICS)}, and the commands."
    raise UserError(f"there is no topic {topic!r}; {close}")


TRAIN = "train"


def _methods() -> str:
    return f"""Methods, for reverie train METHOD.

{columns_of(about_methods().items())}

reverie train METHOD --help shows the options that matter for a method and its
presets, --help-all all options. Methods of other packages are found by
themselves, once they are installed.
"""


def _data() -> str:
    named = {
        name: entry.about + ("" if entry.options is None else " (reverie data get)")
        for name, entry in dataset_entries().items()
    }
    return f"""Data, for --data and the other options that name images.

Datasets by name:
{columns_of(named.items())}

Files and folders:
{columns_of(READABLE.items())}

reverie data list   lists them.
reverie data get    fetches or draws a dataset that does not come with reverie.
reverie data check  reads every image and says what was found.
"""


def _options() -> str:
    shorts = [
        (f"{short}, {flag_of(name)}", "In every command that has it.")
        for name, short in SHORT.items()
    ]
    return f"""Options.

A flag is --name VALUE or --name=VALUE; what is on or off is --name or
--no-name, and what takes several values takes them one after the other, as in
--seeds 1 2 3. A word that begins with a hyphen is a flag: write ./-name for a
file of such a name. In Python the same option is a keyword: --image-size 64 is
image_size=64.

Short flags:
{columns_of(shorts)}

Every command takes:
{columns_of(EVERYWHERE)}

reverie COMMAND --help shows the options of a command. All of them are in
docs/options.md.
"""


def _recipes() -> str:
    return """Recipes: all options of a training.

The options of a training are, each over the one before:
  1. the defaults of the method,
  2. a preset, by --preset NAME, or a recipe, by --config FILE,
  3. flags.

  reverie train METHOD --help                            its presets
  reverie train METHOD --preset NAME --print-config      a preset as TOML
  reverie train METHOD --config recipe.toml --out RUN    from a file
  reverie train --config RUN --out ANOTHER               as another run
  reverie train --resume --out RUN                       a run goes on

A recipe is a .toml or .json file of options by their plain names, as
batch_size = 64, or the folder of a run, whose options.json has all of its
options.
"""


def _exit_codes() -> str:
    return f"""Exit codes.

{columns_of((str(code), text) for code, text in EXIT_CODES.items())}

Results are printed on standard output, all else on standard error. With --json
a refusal is also printed as {{"error": "..."}} on standard output.
"""


def _environment() -> str:
    return f"""Variables of the environment.

{columns_of(ENVIRONMENT.items())}
"""


def _completion() -> str:
    return """Completion of commands, flags, methods, presets, data and models by the Tab key.

bash, in ~/.bashrc:
  source <(reverie --completion bash)

zsh, in ~/.zshrc, after compinit:
  source <(reverie --completion zsh)

fish:
  reverie --completion fish > ~/.config/fish/completions/reverie.fish
"""


TOPICS: Mapping[str, Callable[[], str]] = {
    "commands": help_text,
    "methods": _methods,
    "data": _data,
    "options": _options,
    "recipes": _recipes,
    "exit-codes": _exit_codes,
    "environment": _environment,
    "completion": _completion,
}
"""The topics and their pages."""
