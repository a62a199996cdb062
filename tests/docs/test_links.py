"""Every relative link in the documents leads to a file, and every anchor to a heading."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "examples", "tflite_models")
DOCUMENTS = sorted([
    *ROOT.glob("*.md"),
    ROOT / "android_demo" / "README.md",
    *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")),
])
LINK = re.compile(r"!?\[(?:[^][]|\[[^]]*\])*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def without_code(text):
    return FENCE.sub("", text)


def anchors(path):
    """The anchors that GitHub gives to the headings of a page."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", without_code(path.read_text("utf-8")), re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = 0
        while (name := f"{anchor}-{count}" if count else anchor) in found:
            count += 1
        found.add(name)
    return found


def links(path):
    return [
        target
        for target in LINK.findall(without_code(path.read_text("utf-8")))
        if not re.match(r"[a-z]+:", target)
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    wrong = []
    for target in links(path):
        place, _, anchor = target.partition("#")
        page = (path.parent / place).resolve() if place else path
        if not page.exists() or anchor and anchor not in anchors(page):
            wrong.append(target)
    assert wrong == []


def test_every_page_is_reached_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        waiting += [(page.parent / target.partition("#")[0]).resolve() for target in links(page)]
    assert set((ROOT / "docs").rglob("*.md")) <= seen


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= 9000


def test_places_that_other_files_name_exist():
    """Code, comments and messages name pages of the documentation by their path."""
    wrong = []
    for folder in ("fqss_tf", "benchmarks", "tests", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            for page in re.findall(r"\bdocs/[\w./-]+\.md\b", path.read_text("utf-8")):
                if not (ROOT / page).exists():
                    wrong.append(f"{path.relative_to(ROOT)}: {page}")
    assert wrong == []
