"""From words on the command line to dataclasses; what cannot be understood becomes one sentence."""

import contextlib
import io
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any, NoReturn, TypeVar

from reverie.cli.help_page import SHORT, page_of
from reverie.cli.output import printing
from reverie.core import progress
from reverie.core.errors import UserError, nearest
from reverie.core.options import flag_of

T = TypeVar("T")

HELP = ("-h", "--help", "--help-all")

RENAMED_VALUES = {("--statistics", "picture"): "image"}
"""Flags and values of the release before, with the value that replaces each."""


def value_of(argv: Sequence[str], flag: str) -> str | None:
    """The value of a flag that must be known before the others can be."""
    short = SHORT.get(flag[2:].replace("-", "_"), flag)
    for index, word in enumerate(argv):
        if word in (flag, short) and index + 1 < len(argv):
            return argv[index + 1]
        if word.startswith((flag + "=", short + "=")):
            return word.split("=", 1)[1]
    return None


def parse(
    kind: type[T],
    prog: str,
    argv: Sequence[str],
    description: str | None = None,
    usage: str = "[options]",
) -> T:
    """The dataclass that `argv` fills in; what cannot be understood becomes one sentence."""
    if asks_for_help(argv):
        about = description or " ".join((kind.__doc__ or "").split())
        print_help(page_of(kind, prog, usage, about))
    argv = _present_values(_in_full(kind, argv))
    _refuse_empty_words(prog, argv)
    _refuse_unknown_flags(kind, prog, argv)
    import tyro

    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            return tyro.cli(
                tyro.conf.OmitArgPrefixes[kind],  # type: ignore[valid-type]
                prog=prog,
                args=list(argv),
                description=description,
            )
    except SystemExit:
        raise UserError(f"{_sentence(message.getvalue())} See {prog} --help.") from None


def asks_for_help(argv: Sequence[str]) -> bool:
    """Whether the help of a command is asked for, instead of its result."""
    return any(word in HELP for word in argv)


def print_help(text: str) -> NoReturn:
    """Print the help of a command, and end."""
    with printing():
        print(text, end="")
    raise SystemExit(0)


def _in_full(kind: Any, argv: Sequence[str]) -> list[str]:
    """`argv` with the long flags in place of the short ones: `-n 3`, `-n3` and `-n=3`."""
    known, words = flags(kind), []
    shorts = {short: flag_of(name) for name, short in SHORT.items() if flag_of(name) in known}
    for word in argv:
        flag, value = word[:2], word[2:].removeprefix("=")
        if flag in shorts and (not value or word[2] == "=" or value.isdigit()):
            words += [f"{shorts[flag]}={value}" if len(word) > 2 else shorts[flag]]
        else:
            words.append(word)
    return words


def _present_values(argv: Sequence[str]) -> list[str]:
    """`argv` with values that were renamed replaced, each with a warning."""
    words = [part for word in argv for part in _split_flag(word)]
    for index, (flag, value) in enumerate(pairwise(words)):
        if (flag, value) in RENAMED_VALUES:
            words[index + 1] = RENAMED_VALUES[flag, value]
            progress.warn(f"{flag} {value} is called {flag} {words[index + 1]} from now on.")
    return words


def _split_flag(word: str) -> list[str]:
    flag, _, value = word.partition("=")
    return [flag, value] if any(flag == known for known, _ in RENAMED_VALUES) and value else [word]


def flags(kind: Any) -> set[str]:
    """The flags that a dataclass and the dataclasses in it declare."""
    names = {"--help"}
    for one in fields(kind):
        if is_dataclass(one.type):
            names |= flags(one.type)
        else:
            flag = flag_of(one.name)
            names |= {flag, f"--no-{flag[2:]}"} if one.type in (bool, "bool") else {flag}
    return names


def _refuse_empty_words(prog: str, argv: Sequence[str]) -> None:
    """An empty word is a variable of a script that was not set, and as a path the folder itself."""
    for before, word in pairwise(["", *argv]):
        if not word or re.fullmatch(r"--[\w-]+=", word):
            where = f" after {before}" if before and not word else f": {word}" if word else ""
            raise UserError(f"{prog} was given an empty value{where}.")


def _refuse_unknown_flags(kind: Any, prog: str, argv: Sequence[str]) -> None:
    known = flags(kind)
    for word in argv:
        flag = word.split("=", 1)[0].replace("_", "-")
        if flag.startswith("--") and flag not in known:
            hint = nearest(flag, known, f"{prog} --help lists them.")
            raise UserError(f"{prog} has no option {flag}; {hint}")
        long = next((flag_of(name) for name, short in SHORT.items() if short == word[:2]), None)
        if long is not None and long not in known:
            steps = "; --steps sets how long it is" if "--steps" in known else ""
            raise UserError(
                f"{prog} has no option {word[:2]}, which is {long} of other commands{steps}. "
                f"See {prog} --help."
            )


def _sentence(box: str) -> str:
    """The message in the box that tyro draws, as one line."""
    title, *lines = [re.sub(r"[│╭╮╰╯]", "", line).strip() for line in box.strip().splitlines()]
    rules = [number for number, line in enumerate(lines) if re.match(r"[─-]{4}", line)]
    if rules and rules[0] == 0:  # without Unicode the title has a rule of its own
        del lines[0], rules[0]
        rules = [number - 1 for number in rules]
    message = lines[: rules[0]] if rules else lines
    if "Required" in title:
        found = (re.match(r"--\w[\w-]*|[A-Z]{3,}", line) for line in message[1:])
        return f"{' and '.join(match.group() for match in found if match)} must be given."
    sentence = " ".join(" ".join(message).split()).rstrip(".")
    wrong = re.fullmatch(
        r"invalid choice '(.*)' for argument '(.*)'. Expected one of (.*)", sentence
    )
    if wrong is not None:
        word, flag, choices = wrong[1], wrong[2], set(re.findall(r"'([^']*)'", wrong[3]))
        return f"{flag} must be one of {', '.join(sorted(choices - {'None'}))}, not {word!r}."
    absent = re.match(r"Missing value for argument '(.*?)'", sentence)
    if absent is not None:
        return f"{absent[1]} needs a value."
    no_number = _no_number(sentence)
    if no_number is not None:
        return no_number
    sentence += "" if sentence.endswith("?") else "."
    return re.sub(r"^Error parsing \w+: ", "", sentence)  # one of our own checks


def _no_number(sentence: str) -> str | None:
    """What is wrong with a word in place of a number, where tyro says it with Python's errors."""
    parsing = re.match(r"Error parsing ([\w/-]+): ", sentence)
    wrong = re.search(r"(literal for int|string to float).*?: '(.*?)'(?= - |$)", sentence)
    if parsing is None or wrong is None:
        return None
    number = "a number" if "string to float" in sentence else "an integer"
    return f"{parsing[1]} must be {number}, not {wrong[2]!r}."
