"""Every text of the pages is in the catalogue of each language, and the catalogue has nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
from sites import TASK, small_site

from grader.contest.attempts import AttemptState
from grader.contest.people import Role
from grader.errors import EXPLANATIONS, FILE_EXPLANATIONS, Verdict
from grader.languages import LANGUAGES, Translator, catalogue, preferred
from grader.report.advice import NEXT_STEPS

if TYPE_CHECKING:
    from grader.task.spec import Task

GRADER = Path(__file__).resolve().parent.parent.parent / "grader"
SERVE, REPORT = GRADER / "serve", GRADER / "report"
OF_FEEDBACK = [REPORT / "templates" / name for name in ("feedback.html", "page.html", "parts.html")]
OTHERS = sorted(set(LANGUAGES) - {"en"})


def texts() -> set[str]:
    """Return every English text that pages show."""
    sources = [path.read_text(encoding="utf-8") for path in (SERVE / "templates").glob("*.html")]
    sources += [
        path.read_text(encoding="utf-8") for path in (*SERVE.glob("*.py"), *REPORT.glob("*.py"), *OF_FEEDBACK)
    ]
    found: set[str] = set()
    for source in sources:
        for double, single in re.findall(r"\b(?:t|translate)\(\s*(?:\"([^\"]+)\"|'([^']+)')", source):
            found.add(double or single)
    uploads = (SERVE / "uploads.py").read_text(encoding="utf-8")
    found |= set(re.findall(r"RefusalReason\.\w+: \"([^\"]+)\"", uploads))
    found |= {"There is nothing here.", "This does not work here."}
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
