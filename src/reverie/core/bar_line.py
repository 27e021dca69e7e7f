"""The progress bar of a terminal; imported where one is shown, as rich takes long to import."""

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

LONGEST_BAR = 24
"""Columns of a bar; in terminals of less than 120 columns, a fifth of them."""

WHOLE = Column(no_wrap=True)
"""A column that is never wrapped."""


class BarLine:
    """One line of any width: of the text, which comes last, as much is shown as there is room for.

    Args:
        label: what is done; shortened to a quarter of the line.
        total: of what `update` is told.
        unit: of the total; without one the completed fraction is shown in percent.
        shown_on: the terminal.
    """

    def __init__(self, label: str, total: float, unit: str, shown_on: Console) -> None:
        self._width = width = shown_on.width
        shown = set_cell_size(label, min(cell_len(label), max(width // 4, 1)))
        bar_width = min(LONGEST_BAR, width // 5)
        count = 2 * len(f"{total:.0f}") + 1 if unit else len("100 %")
        self._taken = cell_len(shown) + bar_width + count + len("0:00:00") + len("    ")
        self.progress = Progress(
            TextColumn("{task.description}", table_column=WHOLE),
            BarColumn(bar_width=bar_width),
            MofNCompleteColumn(table_column=WHOLE)
            if unit
            else TextColumn("{task.percentage:>3.0f} %", table_column=WHOLE),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True, table_column=WHOLE),
            TextColumn("{task.fields[text]}", markup=False, table_column=WHOLE),
            console=shown_on,
            transient=True,
        )
        self._task = self.progress.add_task(shown, total=total, text="")

    def update(self, completed: float, text: str) -> None:
        """Show how much is completed, and what fits of a text whose words have two spaces between
        them."""
        self.progress.update(self._task, completed=completed, text=self._fitting(text))

    def _fitting(self, text: str) -> str:
        room, fitting = self._width - self._taken, ""
        for part in text.split("  "):
            longer = f"{fitting}  {part}" if fitting else part
            if cell_len(longer) > room:
                break
            fitting = longer
        return fitting
