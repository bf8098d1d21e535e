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
EXAMPLES = Path(__file__).with_name("gitleaks_examples.go")


class Judge(NamedTuple):
    program: Path
    positives: list[dict]
    negatives: list[dict]


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
    shutil.copyfile(EXAMPLES, source / "cmd" / "generate" / "config" / "utils" / "validate.go")
    go("build", "-o", str(folder / "examples"), "./cmd/generate/config", folder=source)
    written = subprocess.run(
        [folder / "examples", folder / "unused.toml"], cwd=source / "cmd" / "generate" / "config", stdout=subprocess.PIPE, check=True
    )
    examples = [json.loads(line) for line in written.stdout.decode().splitlines()]
    examples = [each for each in examples if each["Text"].strip()]  # some rules know a file by its name
    assert len(examples) > 6000
    return Judge(
        folder / "gitleaks",
        [each for each in examples if each["Positive"]],
        [each for each in examples if not each["Positive"]],
    )


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
    messages = reported([each["Text"] for each in judge.positives], tmp_path)
    secrets = left = 0
    for example, message in zip(judge.positives, messages):
        for secret in set(example["Secrets"]):
            secrets += 1
            if secret in message:
                left += 1
                print("left:", example["Rule"], message)
    print(f"{left} of {secrets:,} secrets of {len({each['Rule'] for each in judge.positives})} rules are left")
    assert left <= secrets / 100

    known = {secret for each in judge.positives for secret in each["Secrets"]}
    found = [each for each in findings(judge, tmp_path / "unpacked") if each["Secret"] in known]
    print(f"gitleaks finds {len(found)} of them in the unpacked report")
    assert len(found) <= secrets / 1000  # mostly none: gitleaks makes them at random, and a few look like words


def test_what_is_no_secret_is_left(judge, tmp_path):
    folder = tmp_path / "negatives"
    folder.mkdir()
    for index, each in enumerate(judge.negatives):
        (folder / str(index)).write_bytes(each["Text"].encode())
    secrets = {int(Path(each["File"]).name) for each in findings(judge, folder)}
    print(f"{len(secrets)} of {len(judge.negatives)} texts in which a rule of gitleaks finds nothing are secrets by another of its rules")

    redactor = Redactor()
    texts = [each["Text"] for index, each in enumerate(judge.negatives) if index not in secrets]
    changed = [text for text in texts if "<secret>" in redactor(text)]  # an e-mail address is rightly replaced
    for text in changed:
        print("changed:", text, "=>", redactor(text))
    print(f"{len(changed)} of the other {len(texts)} are changed")
    # 15 are keys of Google's that gitleaks knows by heart; the rest cannot be told from secrets, either: doc/redaction.md.
    assert len(changed) <= len(texts) / 10


def test_ordinary_lines_are_left():
    redactor = Redactor()
    lines = ordinary_lines()
    changed = [line for line in lines if redactor(line) != line]
    for line in changed[:100]:
        print("changed:", line, "=>", redactor(line))
    print(f"{len(changed)} of {len(lines):,} ordinary lines are changed")
    assert len(lines) == 2000 and len(changed) <= len(lines) / 50
