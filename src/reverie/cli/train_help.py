"""`reverie train METHOD --help`: what matters for the method; `--help-all`: all that it uses."""

import dataclasses
from collections.abc import Mapping, Sequence

from reverie.cli.help_page import EVERYWHERE, Row, Section, columns_of, page, rows_of
from reverie.methods.index import MethodEntry
from reverie.methods.recipe import Recipe

MAIN = (
    "out", "preset", "resume", "jobs", "data", "image_size", "steps", "minutes", "batch_size",
    "seed",
)  # fmt: skip
"""The options of every training that matter most."""

OF_DATA_KINDS: Mapping[str, frozenset[str]] = {
    "data_b": frozenset(("unpaired", "paired", "degraded")),
    "domain_a": frozenset(("unpaired", "paired")),
    "domain_b": frozenset(("unpaired", "paired")),
    "pair_by": frozenset(("paired",)),
    "direction": frozenset(("unpaired", "paired")),
    "label_column": frozenset(("images", "labelled")),
}
"""The options of datasets that only some kinds of data have a use for."""

MAIN_OF_DATA_KINDS: Mapping[str, Sequence[str]] = {
    "unpaired": ("data_b",),
    "paired": ("data_b", "pair_by"),
}
"""The options that matter for a kind of data."""

GROUPS: Sequence[tuple[str, Sequence[str]]] = (
    ("Length", ("steps", "epochs", "minutes")),
    ("Optimization", (
        "batch_size", "accumulate", "learning_rate", "beta1", "beta2", "warmup_steps", "decay",
        "decay_from", "ema_decay", "clip_norm",
    )),
    ("Watching and keeping", (
        "log_every", "sample_every", "checkpoint_every", "keep_checkpoints", "evaluate_every",
        "evaluate_count", "patience", "track",
    )),
)  # fmt: skip
"""Groups of options of training by what they are for; what is in none is in the last but one."""


def train_help(
    prog: str, usage: str, entry: MethodEntry, base: Recipe, run: type, *, whole: bool
) -> str:
    """The help of a method's training.

    Args:
        prog: the command with the method.
        usage: what follows it.
        entry: the method.
        base: the recipe whose values are the defaults.
        run: the dataclass of the command's own flags.
        whole: whether all options are shown.
    """
    named = {
        "Run": rows_of(run),
        "Images": [row for row in rows_of(type(base.data), base.data) if _used(entry, row)],
        "Training": rows_of(type(base.training), base.training),
        "Method": [
            row
            for row in rows_of(type(base.options), base.options)
            if row.name not in entry.unused_options
        ],
    }
    count = sum(map(len, named.values()))
    main = entry.main_options or _own_options(type(base.options))
    sections = _grouped(named, entry.name) if whole else _main(named, entry, main)
    presets = columns_of(entry.presets.items())
    notes = [f"Presets, for --preset NAME:\n{presets}" if entry.presets else "It has no presets."]
    notes.append(
        "Defaults are those of the preset that is given."
        if whole
        else f"{prog} --help-all lists all {count} options."
    )
    help_all = ("--help-all", "Show all options, by group.")
    everywhere = [*EVERYWHERE, *([] if whole else [help_all])]
    about = f"{entry.about[0].upper()}{entry.about[1:]}."
    return page(prog, usage, about, sections, notes, everywhere)


def _used(entry: MethodEntry, row: Row) -> bool:
    kinds = OF_DATA_KINDS.get(row.name)
    return kinds is None or entry.data_kind in kinds


def _own_options(kind: type) -> Sequence[str]:
    """The options that a class adds to those of its bases, for methods that name no main ones."""
    bases = [base for base in kind.__mro__[1:] if dataclasses.is_dataclass(base)]
    inherited = {field.name for base in bases for field in dataclasses.fields(base)}
    return [field.name for field in dataclasses.fields(kind) if field.name not in inherited][:6]


def _main(
    named: Mapping[str, Sequence[Row]], entry: MethodEntry, own: Sequence[str]
) -> list[Section]:
    """The rows that matter most, in their order."""
    rows = {row.name: row for part in named.values() for row in part}
    shared = (*MAIN, *MAIN_OF_DATA_KINDS.get(entry.data_kind, ()))
    return [
        Section("What matters for every training", [rows[n] for n in shared if n in rows]),
        Section(f"What matters for {entry.name}", [rows[name] for name in own if name in rows]),
    ]


def _grouped(named: Mapping[str, Sequence[Row]], method: str) -> list[Section]:
    """All rows, by what they are for."""
    of_training = {row.name: row for row in (*named["Training"], *named["Method"])}
    groups = [
        Section(title, [of_training.pop(name) for name in names if name in of_training])
        for title, names in GROUPS
    ]
    own = [row for row in named["Method"] if row.name in of_training]
    rest = [row for row in named["Training"] if row.name in of_training]
    return [
        Section("Run", named["Run"]),
        Section("Images", named["Images"]),
        Section(f"Method {method}", own),
        *groups,
        Section("Machine and beginning", rest),
    ]
