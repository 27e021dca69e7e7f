"""ONNX files at run time: ONNX Runtime's sessions, and what our own files say of themselves."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from reverie.core.errors import UserError
from reverie.core.files import parse_json

METADATA_KEY = "reverie"
"""Of the entry in an ONNX file's metadata that holds the facts about its model, as JSON."""

THREADS = "OMP_NUM_THREADS"
"""Environment variable by which people limit threads, which ONNX Runtime does not read itself."""


def need_onnx(*, writing: bool) -> None:
    """Refuse work with ONNX files where the packages for it are missing.

    Args:
        writing: whether files are also written, not only run.

    Raises:
        UserError: says what to install.
    """
    try:
        import onnxruntime

        if writing:
            import onnx
            import onnxscript

            del onnx, onnxscript
        del onnxruntime
    except ImportError as error:
        raise UserError(
            f"ONNX files need the package {error.name}: pip install 'reverie[onnx]'."
        ) from None


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file that can be run; may be used by several threads, and is never copied."""

    path: Path
    content: bytes | None = None
    """By default what is at `path`, where ONNX Runtime also finds weights in files of their own."""

    @classmethod
    def read(cls, path: Path) -> "OnnxFile":
        """The file at `path`.

        Raises:
            UserError: if it is no ONNX file that ONNX Runtime can run, or ONNX Runtime is missing.
        """
        need_onnx(writing=False)
        file = cls(path)
        _ = file.session
        return file

    def __deepcopy__(self, memo: dict[int, object]) -> "OnnxFile":
        return self

    @cached_property
    def session(self) -> Any:
        """ONNX Runtime's session on the processor."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        if os.environ.get(THREADS, "").isdecimal():
            options.intra_op_num_threads = int(os.environ[THREADS])
        try:
            return onnxruntime.InferenceSession(
                self.content or str(self.path), options, providers=["CPUExecutionProvider"]
            )
        # ONNX Runtime's errors have no common class but Exception.
        except Exception as error:
            reason = str(error).strip().splitlines()[0].removeprefix("[ONNXRuntimeError] : ")
            raise UserError(f"{self.path}: ONNX Runtime cannot run this file ({reason}).") from None

    @property
    def facts(self) -> Mapping[str, Any] | None:
        """What the file says of its model; None if reverie did not write it.

        Raises:
            UserError: if it is damaged.
        """
        entry = self.session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if entry is None:
            return None
        try:
            facts = parse_json(entry)
        except ValueError:
            facts = None
        if not isinstance(facts, dict):
            raise UserError(f"{self.path}: the file's own description is damaged: export it again.")
        return facts

    def run(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """The first output, for arrays in the order of the inputs.

        Raises:
            UserError: if ONNX Runtime fails, as on images of a size that the network cannot take.
        """
        inputs = self.session.get_inputs()
        for one, array in zip(inputs, arrays, strict=True):
            self._check_size(one.shape, array.shape)
        try:
            given = {one.name: array for one, array in zip(inputs, arrays, strict=True)}
            return self.session.run(None, given)[0]
        except Exception as error:
            reason = str(error).strip().splitlines()[0].removeprefix("[ONNXRuntimeError] : ")
            raise UserError(f"{self.path}: ONNX Runtime failed ({reason}).") from None

    def _check_size(self, wanted: Sequence[int | str | None], given: Sequence[int]) -> None:
        if len(wanted) != 4 or len(given) != 4:  # no images: ONNX Runtime says what is wrong
            return
        sides = zip(wanted[2:], given[2:], strict=True)
        height, width = (x if isinstance(x, int) else own for x, own in sides)
        if [height, width] != [*given[2:]]:
            raise UserError(
                f"{self.path}: this network takes images of {width} x {height} pixels only, not of "
                f"{given[3]} x {given[2]}: resize them."
            )
