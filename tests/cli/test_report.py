import json
import webbrowser
from pathlib import Path

import pytest

from reverie.cli.main import main
from tests.training.test_report import begin, log


def test_the_report_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)))
    monkeypatch.setenv("BROWSER", "somewhere")
    run = begin(tmp_path / "a run")
    log(run, 3)
    assert main(["report", str(run.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(run.report)}
    assert main(["report", str(run.folder), "--open", "--watch"]) == 0  # it is not training
    assert opened == [run.report.as_uri()]
    printed = capsys.readouterr()
    assert printed.out == f"{run.report}\n"
    assert "no browser could be opened" in printed.err


def test_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "there is no run in this folder" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--log-every", "--sample-every", "--checkpoint-every"])
def test_intervals_are_refused_in_one_sentence(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    assert main(["train", "vae", "--data", "digits", "--out", out, flag, "10 apples"]) == 2
    error = capsys.readouterr().err
    assert f"{flag} must be a number of steps, a time as 30s, 5m or 1h, or both" in error
    assert "Traceback" not in error
    assert not Path(out).exists()


def test_intervals_and_parts_at_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["--log-every", "20s", "--sample-every=500 or 30s", "--checkpoint-every", "5m"]
    words += ["--optimizer", "adamw", "--schedule", "one-cycle", "--log-norms"]
    small = ["--data", "digits", "--hidden", "8", "--batch-size", "4", "--steps", "2"]
    assert main(["train", "vae", "--out", str(out), *small, *words]) == 0
    training = json.loads((out / "options.json").read_text())["training"]
    assert [training[f"{name}_every"] for name in ("log", "sample", "checkpoint")] == [
        "20s", "500 or 30s", "5m",
    ]  # fmt: skip
    assert (training["optimizer"], training["schedule"]) == ("adamw", "one-cycle")
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert set(last["numbers"]) >= {"gradient/encoder", "weight/decoder"}
    assert main(["train", "vae", "--out", str(tmp_path / "b"), *small, "--optimizer", "lion"]) == 2
