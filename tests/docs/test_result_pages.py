"""Each page of results says what makes it, and its commands can be run from the page."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import page  # noqa: E402

PAGES = sorted((ROOT / "docs/results").glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_says_at_its_top_what_makes_it(path):
    top = "\n".join(path.read_text("utf-8").splitlines()[:20])
    assert "python benchmarks/" in top
    if f"page.py {path.stem}" in top:
        assert list(page.commands(path.read_text("utf-8")))


MARKDOWN = """# A page

```
fqss-tf --version
```

```
fqss-tf, version
model   SI-SDR
```

## Second part

```sh
there=$(ls)
fqss-tf inspect "$there/none.tflite"
```
"""


def test_output_is_not_run_and_a_section_is_taken_alone():
    assert list(page.commands(MARKDOWN, "A page")) == ["fqss-tf --version\n"]
    (second,) = page.commands(MARKDOWN, "Second")
    assert second.startswith("there=")


def run(tmp_path, *arguments):
    (tmp_path / "small.md").write_text(MARKDOWN)
    code = (
        f"import sys; from pathlib import Path; sys.path.insert(0, {str(ROOT / 'benchmarks')!r});"
        f"import page; page.RESULTS = Path({str(tmp_path)!r}); page.main()"
    )
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return subprocess.run(
        [sys.executable, "-c", code, "small", *arguments],
        capture_output=True, text=True, cwd=tmp_path, env={"PATH": path},
    )


def test_the_commands_run_beside_the_folders_they_name(tmp_path):
    (tmp_path / "my speech").mkdir()
    ran = run(tmp_path, "--folder", "speech8k=my speech", "--section", "A page")
    assert (ran.returncode, ran.stdout[:8]) == (0, "fqss-tf,"), ran.stderr
    assert (tmp_path / "small/speech8k").resolve() == tmp_path / "my speech"


def test_it_ends_with_the_first_command_that_fails(tmp_path):
    ran = run(tmp_path, "--section", "Second")
    assert ran.returncode == 2
    assert "none.tflite is missing" in ran.stderr
