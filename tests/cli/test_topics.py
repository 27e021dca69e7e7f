import json
from pathlib import Path

import pytest

import reverie
from reverie.cli.main import COMMANDS, main
from reverie.cli.topics import ENVIRONMENT, EXIT_CODES, TOPICS
from reverie.core.result import FAILED_IN_PART, INTERRUPTED
from reverie.data import DATASETS
from reverie.methods import METHODS

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("topic", list(TOPICS))
def test_a_topic_is_a_page(capsys: Captured, topic: str) -> None:
    assert main(["help", topic]) == 0
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert not out.endswith("\n\n")
    assert max(map(len, out.splitlines())) <= 80


def test_data_explains_itself(capsys: Captured) -> None:
    assert main(["data", "--help"]) == 0
    assert capsys.readouterr().out == TOPICS["data"]()


def test_topics_list_what_there_is() -> None:
    assert all(f"  {name} " in TOPICS["methods"]() for name in METHODS)
    assert all(f"  {name} " in TOPICS["data"]() for name in DATASETS)
    assert all(f"reverie {name}" in TOPICS["commands"]() for name in COMMANDS)
    assert set(EXIT_CODES) == {0, FAILED_IN_PART, 2, INTERRUPTED}
    assert all(f"  {code} " in TOPICS["exit-codes"]() for code in EXIT_CODES)


def test_variables_of_the_environment_are_used() -> None:
    """Every one that the package reads is told."""
    files = Path(reverie.__file__).parent.rglob("*.py")
    text = "".join(file.read_text() for file in files if file.name != "topics.py")
    for name in ENVIRONMENT:
        if name.startswith("REVERIE_"):
            assert f'"{name}"' in text, name


@pytest.mark.parametrize("words", ["sample", "data get", "train vae", "vae", "sweep"])
def test_help_of_a_command_is_its_help(capsys: Captured, words: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["help", *words.split()])
    assert stop.value.code == 0
    name = "train vae" if words == "vae" else words
    assert capsys.readouterr().out.startswith(f"usage: reverie {name} ")


def test_help_of_train_lists_the_methods(capsys: Captured) -> None:
    assert main(["help", "train"]) == 0
    listed = capsys.readouterr().out
    assert main(["train", "--help"]) == 0
    assert listed == capsys.readouterr().out


@pytest.mark.parametrize(
    ("topic", "sentence"),
    [
        ("exit-code", "there is no topic 'exit-code'; did you mean 'exit-codes'?"),
        ("xyzzy", "there is no topic 'xyzzy'; topics are: commands, methods"),
    ],
)
def test_an_unknown_topic_is_refused(capsys: Captured, topic: str, sentence: str) -> None:
    assert main(["help", topic, "--json"]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert sentence in json.loads(out)["error"]
