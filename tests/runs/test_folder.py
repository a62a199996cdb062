import subprocess
import sys

import pytest

from fqss_tf.config import load_recipe
from fqss_tf.errors import FqssError
from fqss_tf.runs.folder import RunFolder

RECIPE = load_recipe("two-voices")


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(FqssError, match=f"{tmp_path} is not a run folder"):
        RunFolder(tmp_path)


@pytest.mark.parametrize("content", [None, '{"meth', "{}", "[]"])
def test_a_folder_whose_description_is_broken_is_named(tmp_path, content):
    RunFolder.create(tmp_path, RECIPE, "fqss")
    (tmp_path / "run.json").unlink()
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(FqssError, match="is not a run folder: its run.json cannot be read"):
        RunFolder(tmp_path)


def test_a_new_folder_holds_recipe_and_method(tmp_path):
    RunFolder.create(tmp_path / "run", RECIPE, "qat")
    folder = RunFolder(tmp_path / "run")
    assert (folder.recipe, folder.method, folder.publisher) == (RECIPE, "qat", None)
    with pytest.raises(FqssError, match="no finished model yet"):
        folder.check_float()


def test_a_used_folder_is_opened_to_resume_alone(tmp_path):
    RunFolder.create(tmp_path, RECIPE, "fqss")
    with pytest.raises(FqssError, match="--resume"):
        RunFolder.create(tmp_path, RECIPE, "fqss")
    assert RunFolder.create(tmp_path, RECIPE, "fqss", resume=True).recipe == RECIPE


@pytest.mark.parametrize("recipe, method", [
    (RECIPE, "qat"), (load_recipe("two-voices", ["seed=1"]), "fqss"),
])
def test_resuming_with_other_settings_is_refused(recipe, method, tmp_path):
    RunFolder.create(tmp_path, RECIPE, "fqss")
    with pytest.raises(FqssError, match="other settings"):
        RunFolder.create(tmp_path, recipe, method, resume=True)


def test_the_kept_step_is_the_best_of_its_stage(tmp_path):
    folder = RunFolder.create(tmp_path, RECIPE, "fqss")
    (tmp_path / "log.csv").write_text(
        "stage,step,dev_si_sdr\nfloat,0,9\nfloat,10,8\nqat,0,5\nqat,10,7\nqat,20,6\n"
    )
    assert (folder.kept_step("float"), folder.kept_step("qat")) == (0, 10)


def test_it_needs_no_tensorflow():
    code = "import sys, fqss_tf.runs.folder; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
