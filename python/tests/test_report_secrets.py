"""How much of what would let somebody in is left in a report, and how much else is lost. gitleaks, which is not part of this
project, is the judge: by the examples that its rules are tested with, and by what it finds itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from chainner_logger import report
from chainner_logger._report import grammar
from chainner_logger._report.redaction import Redactor
from conftest import write_log
from ordinary_lines import ordinary_lines

GITLEAKS = "github.com/zricethezav/gitleaks/v8@v8.30.0"
STAND_INS = {  # of ours, for files of gitleaks
    "gitleaks_examples.go": "cmd/generate/config/utils/validate.go",
    "gitleaks_secrets.go": "cmd/generate/secrets/regen.go",
}
SETS = 3  # of examples, of which gitleaks makes most at random


class Example(NamedTuple):
    rule: str
    text: str
    secrets: frozenset[str]  # what the rule finds in the text
    is_positive: bool  # whether it is to find something


class Judge(NamedTuple):
    program: Path
    examples: list[list[Example]]  # by set


def go(*arguments: str, folder: Path) -> str:
    try:
        ran = subprocess.run(
            ["go", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false"},
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("gitleaks cannot be had: Go is not installed")
    if ran.returncode != 0:
        pytest.skip(f"gitleaks cannot be had: {(ran.stderr or ran.stdout).strip()[-300:]}")
    return ran.stdout


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    folder = tmp_path_factory.mktemp("gitleaks")
    module = json.loads(go("mod", "download", "-json", GITLEAKS, folder=folder))
    source = folder / "source"
    shutil.copytree(module["Dir"], source, copy_function=shutil.copyfile)
    for each in [source, *source.rglob("*")]:
        each.chmod(0o755 if each.is_dir() else 0o644)
    go("build", "-o", str(folder / "gitleaks"), ".", folder=source)
    for ours, theirs in STAND_INS.items():
        shutil.copyfile(Path(__file__).with_name(ours), source / theirs)
    go("build", "-o", str(folder / "examples"), "./cmd/generate/config", folder=source)

    def examples(number: int) -> list[Example]:
        command = [folder / "examples", folder / "unused.toml", str(number)]
        ran = subprocess.run(command, cwd=source / "cmd" / "generate" / "config", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        told = map(json.loads, ran.stdout.decode().splitlines())
        made = [Example(each["Rule"], each["Text"], frozenset(each["Secrets"]), each["Positive"]) for each in told]
        return [each for each in made if each.text.strip()]  # some rules know a file by its name

    made = [examples(number) for number in range(SETS)]
    assert all(len(each) > 6000 for each in made)
    return Judge(folder / "gitleaks", made)


def reported(texts: list[str], folder: Path) -> list[str]:
    """The messages of a report of a log with these, which is unpacked in the folder."""
    logs = folder / "logs"
    logs.mkdir()
    indented = (text.replace("\r", "\\r").replace("\n", "\n\t") for text in texts)
    write_log(logs / "worker.log", "".join(f"2025-10-19 05:52:25.000 [1] [INFO] {text}\n" for text in indented))
    report(folder / "report.zip", logs)
    with zipfile.ZipFile(folder / "report.zip") as opened:
        opened.extractall(folder / "unpacked")
    text = (folder / "unpacked" / "logs" / "worker.log").read_bytes().decode()
    found = [record.message for record in grammar.parse(text)]
    assert len(found) == len(texts)
    return found


def findings(judge: Judge, folder: Path) -> list[dict]:
    """What all rules of gitleaks find in the files of the folder."""
    written = folder.with_suffix(".json")
    command = [judge.program, "dir", folder, "--no-banner", "--exit-code=0", "--max-target-megabytes=0", "-r", written]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return json.loads(written.read_text())


def test_the_secrets_of_gitleaks_are_replaced(judge, tmp_path):
    positives = list(dict.fromkeys(each for examples in judge.examples for each in examples if each.is_positive))
    messages = reported([each.text for each in positives], tmp_path)
    secrets = left = 0
    for example, message in zip(positives, messages):
        for secret in example.secrets:
            secrets += 1
            if secret in message:
                left += 1
                print("left:", example.rule, message)
    print(f"{left} of {secrets:,} secrets of {len({each.rule for each in positives})} rules are left")
    assert left <= secrets / 100

    known = {secret for each in positives for secret in each.secrets}
    found = [each for each in findings(judge, tmp_path / "unpacked") if each["Secret"] in known]
    print(f"gitleaks finds {len(found)} of them in the unpacked report")
    assert found == []


def test_what_is_no_secret_is_left(judge, tmp_path):
    folder = tmp_path / "negatives"
    folder.mkdir()
    negatives = [each for examples in judge.examples for each in examples if not each.is_positive]
    for index, each in enumerate(negatives):
        (folder / str(index)).write_bytes(each.text.encode())
    others = {int(Path(each["File"]).name) for each in findings(judge, folder)}
    secrets = others | {index for index, each in enumerate(negatives) if each.secrets}
    print(f"{len(secrets)} of {len(negatives):,} texts in which a rule is to find nothing are secrets by another, or in another file")

    redactor = Redactor()
    texts = [each.text for index, each in enumerate(negatives) if index not in secrets]
    changed = [text for text in texts if "<secret>" in redactor(text)]  # an e-mail address is rightly replaced
    for text in changed:
        print("changed:", text, "=>", redactor(text))
    print(f"{len(changed)} of the other {len(texts):,} are changed")
    assert len(changed) <= len(texts) / 50


def test_ordinary_lines_are_left():
    redactor = Redactor()
    lines = ordinary_lines()
    changed = [line for line in lines if redactor(line) != line]
    for line in changed[:100]:
        print("changed:", line, "=>", redactor(line))
    print(f"{len(changed)} of {len(lines):,} ordinary lines are changed")
    assert len(lines) == 2000 and len(changed) <= len(lines) / 50
