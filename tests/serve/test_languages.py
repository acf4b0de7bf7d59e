"""Every text of the pages and every sentence to students is in the catalogue of each language, which has nothing else."""

from __future__ import annotations

import ast
import functools
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sites import TASK, small_site

from grader.contest.attempts import AttemptState
from grader.contest.people import Role
from grader.errors import EXPLANATIONS, FILE_EXPLANATIONS, Verdict
from grader.languages import LANGUAGES, Translator, catalogue, preferred, sentences
from grader.report.advice import NEXT_STEPS
from grader.serve.id_token import SignInFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.task.spec import Task

GRADER = Path(__file__).resolve().parent.parent.parent / "grader"
SERVE, REPORT = GRADER / "serve", GRADER / "report"
OF_FEEDBACK = [
    *(REPORT / "templates" / name for name in ("appeal.html", "feedback.html", "page.html", "parts.html")),
    GRADER / "contest" / "feedback_page.py",
]
OTHERS = sorted(set(LANGUAGES) - {"en"})


def texts() -> set[str]:
    """Return every English text that pages show."""
    sources = [path.read_text(encoding="utf-8") for path in (SERVE / "templates").glob("*.*")]
    sources += [
        path.read_text(encoding="utf-8") for path in (*SERVE.glob("*.py"), *REPORT.glob("*.py"), *OF_FEEDBACK)
    ]
    found: set[str] = set()
    for source in sources:
        for double, single in re.findall(r"\b(?:t|translate)\(\s*(?:\"([^\"]+)\"|'([^']+)')", source):
            found.add(double or single)
    uploads = (SERVE / "uploads.py").read_text(encoding="utf-8")
    found |= set(re.findall(r"RefusalReason\.\w+: \"([^\"]+)\"", uploads))
    found |= {"There is nothing here.", "This does not work here."} | set(SignInFault)
    found |= (
        {str(state) for state in AttemptState} | set(get_args(Role)) | {v.replace("_", " ") for v in Verdict}
    )
    found |= {sentence for sentences in NEXT_STEPS.values() for sentence in sentences}
    for explanation in (*EXPLANATIONS.values(), *FILE_EXPLANATIONS.values()):
        found |= {explanation.sentence, explanation.help}
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_each_text_has_a_translation_with_the_same_placeholders(language: str) -> None:
    translations = catalogue(language)
    assert texts() - set(translations) == set()
    assert set(translations) - texts() == set()
    for text, translated in translations.items():
        assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", translated) or sorted(
            re.findall(r"\{\w+\}", text)
        ) == sorted(re.findall(r"\{\w+\}", translated)), text


# Where sentences to students arise, and how: as what one of these is called with, or as the value of one of these names.
OF_SENTENCES = (
    "contest/desk.py", "contest/intake.py", "contest/replays.py", "contest/rules.py",
    "notebooks/reading.py", "notebooks/slot.py", "notebooks/whole_program.py",
    "sandbox/inside/slot.py", "sandbox/printed.py", "sandbox/session.py", "serve/bodies.py", "serve/checks.py",
    "serve/issuer_keys.py", "serve/oidc_client.py", "serve/provider_http.py", "serve/uploads.py", "submissions/kinds.py",
    "task/file_check.py", "task/file_formats.py", "task/predictions.py", "trainer/attribution.py",
    "trainer/proxy.py", "trainer/staged_channel.py",
)  # fmt: skip
RAISED = {
    "StudentFault", "UsageError", "Refused", "SlowSenderError", "FailedFrame", "fault", "_invalid", "_missing",
    "unreadable", "wrong_rows", "sentence",
}  # fmt: skip
NAMED = {"message", "sentence", "_UNASKED", "FORBIDDEN_CALL", "_FOREIGN"}
EMPTY = {"more", "hint", "index"}  # what may be missing from a sentence
FILLED = {
    "what": "This is a PDF, not a notebook",
    "problem": "is not defined",
    "doing": "in 7 calls",
    "advice": "the columns are 7",
}
WORDS = re.compile(r"[\w'-]+")
NOT_OF_STUDENTS = {
    "there is no question 7", "there is no submission 7", "submission 7 has no verdict that could be replayed",
    "submission 7 waits for its replay already", "7 is empty; it should hold the client's secret for the provider of identities",
    "7 7 hold 7, which cannot cross; pass arrays, numbers, texts or bytes",  # of the task's author
    "7 7 hold 7; pass less at once, or raise limits.7 in task.toml",
}  # fmt: skip


def spoken(node: ast.expr) -> Iterator[str]:
    """Yield the sentences that an expression may be, with 7 for each of their values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*spoken(node.body), *spoken(node.orelse))
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else value_of(part) for part in node.values
        )


def value_of(part: ast.expr) -> str:
    """Return what stands for a value in a sentence."""
    assert isinstance(part, ast.FormattedValue)
    if isinstance(part.value, ast.Call) and getattr(part.value.func, "id", "") == "count":
        return f"7 {ast.literal_eval(part.value.args[1])}s"
    name = part.value.id if isinstance(part.value, ast.Name) else ""
    return "" if name in EMPTY else FILLED.get(name, "7")


def sentences_of(path: Path) -> Iterator[str]:
    """Yield what a file says to students."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in RAISED or (name == "GraderFault" and path.parent == SERVE):
                yield from (text for part in node.args[:2] for text in spoken(part))
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in NAMED:
            yield from spoken(node.value)
        elif isinstance(node, ast.Return) and node.value:
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            yield from (text for part in parts for text in spoken(part) if text.count(" ") >= 5)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", OF_SENTENCES)
def test_each_sentence_to_students_has_a_translation(name: str, language: str) -> None:
    said = {text for text in sentences_of(GRADER / name) if text.count(" ") >= 2} - NOT_OF_STUDENTS
    assert said, "the file says nothing: it does not belong here"
    translate = Translator(language).sentence
    assert {text for text in said if translate(text) == text} == set()


@functools.cache
def pairs_of_words() -> set[tuple[str, str]]:
    """Return all words that stand side by side in a file of the program."""
    texts = (WORDS.findall(path.read_text(encoding="utf-8")) for path in GRADER.rglob("*.py"))
    return {pair for words in texts for pair in itertools.pairwise(words)}


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_of_the_catalogue_is_one_that_the_program_says(language: str) -> None:
    for text, translation in sentences(language).items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", translation)), text
        words = WORDS.findall(max(re.split(r"\{\w+\}", text), key=len))
        assert len(words) < 3 or pairs_of_words() & set(itertools.pairwise(words)), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f raised KeyError: 'a' (in call 3)", "f löste eine Ausnahme aus: KeyError: 'a' (in Aufruf 3)"),
        ("line 3 of a.csv: y is 7; write a number from 0 to 1", "Zeile 3 von a.csv: y ist 7; schreibe eine Zahl von 0 bis 1"),
        ("f is defined in more than one cell: A (cell 3), B (cell 4). Keep one of them.", "f ist in mehr als einer Zelle definiert: A (Zelle 3), B (Zelle 4). Behalte eine davon."),
        ("the answer has a hole in it", "the answer has a hole in it"),
        ("the cell where you ate (cell of honour)", "the cell where you ate (cell of honour)"),
    ],
    ids=["in another", "with parts", "listed", "of an author", "no number"],
)  # fmt: skip
def test_a_sentence_is_translated_with_what_stands_in_it(text: str, expected: str) -> None:
    assert Translator("de").sentence(text) == expected
    assert Translator("en").sentence(text) == text


@settings(max_examples=40)
@given(st.text(), st.sampled_from(sorted(sentences("de"))))
def test_whatever_students_write_into_a_sentence_it_is_translated_in_time(value: str, pattern: str) -> None:
    text = re.sub(r"\{\w+\}", lambda _: value, pattern)
    assert isinstance(Translator("de").sentence(text * 3), str)


@pytest.mark.parametrize(
    ("chosen", "accepted", "expected"),
    [
        (None, "de-AT,en;q=0.5", "de"),
        ("en", "de", "en"),
        (None, "xx", "en"),
        (None, "", "en"),
        ("xx", "", "en"),
    ],
)
def test_the_language_is_the_chosen_one_or_else_the_browsers(
    chosen: str | None, accepted: str, expected: str
) -> None:
    assert preferred(chosen, accepted) == expected


def test_a_text_without_translation_stays_english() -> None:
    assert Translator("de")("Nothing like {this}", this="it") == "Nothing like it"
    assert Translator("xx").language == "en"


def test_pages_speak_the_language_of_the_browser(tmp_path: Path, toy_task: Task) -> None:
    site = small_site(tmp_path / "contest", toy_task)
    ada = site.client("student", **{"Accept-Language": "de"})
    page = ada.get(f"/task/{TASK}").text
    assert 'lang="de"' in page
    assert "Abgeben" in page
    ada.get("/language/en")
    assert "Hand in" in ada.get(f"/task/{TASK}").text
