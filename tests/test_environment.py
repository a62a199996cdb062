import subprocess
import sys
from importlib import metadata

import pytest

from fqss_tf import environment
from fqss_tf.errors import FqssError

WORKING = {
    "tensorflow": "2.16.2",
    "tf_keras": "2.16.0",
    "tensorflow-model-optimization": "0.8.1",
    "tensorflow-io": "0.37.1",
}


@pytest.fixture
def pretend_versions(monkeypatch):
    def pretend(**changes):
        versions = WORKING | {name.replace("__", "-"): value for name, value in changes.items()}

        def version(package):
            if versions[package] is None:
                raise metadata.PackageNotFoundError(package)
            return versions[package]

        monkeypatch.setattr(metadata, "version", version)

    return pretend


def message_of(check):
    with pytest.raises(FqssError) as raised:
        check()
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_the_pinned_versions_pass(pretend_versions):
    pretend_versions()
    environment.check()


def test_the_installed_versions_pass():
    environment.check()
    environment.check_tensorflow_io()


def test_missing_tf_keras_names_keras_3_and_the_remedy(pretend_versions):
    pretend_versions(tf_keras=None)
    message = message_of(environment.check)
    assert "Keras 3" in message
    assert "pip install 'tf_keras==2.16.*'" in message


@pytest.mark.parametrize("version", ["2.15.1", "2.17.0", "2.160.0", "3.16.0"])
def test_other_tensorflow_is_named_with_the_remedy(pretend_versions, version):
    pretend_versions(tensorflow=version)
    message = message_of(environment.check)
    assert f"tensorflow {version} is installed" in message
    assert "pip install 'tensorflow==2.16.*'" in message


def test_missing_tfmot_is_named(pretend_versions):
    pretend_versions(tensorflow__model__optimization=None)
    assert "tensorflow-model-optimization is not installed" in message_of(environment.check)


def test_tensorflow_io_that_does_not_load_is_reported(monkeypatch):
    from tensorflow_io.python import ops

    class BrokenLibrary:
        def __getattr__(self, name):
            raise NotImplementedError("unable to open file: libtensorflow_io.so")

    monkeypatch.setattr(ops, "core_ops", BrokenLibrary())
    message = message_of(environment.check_tensorflow_io)
    assert "pip install tensorflow==2.16.2 tensorflow-io==0.37.1" in message


@pytest.mark.parametrize("module", [
    "runs.run", "runs.untrained", "importing.teacher", "training.stages", "training.distribution",
    "quantization.wrap", "layers.norm",
])
def test_modules_that_need_keras_say_so_before_they_import_it(module):
    code = """
import importlib, sys
from importlib import metadata

VERSIONS = {"tensorflow": "2.16.2", "tf_keras": "2.15.0"}

class Hide:
    def find_spec(self, name, path=None, target=None):
        assert name not in ("tensorflow", "tf_keras", "tensorflow_model_optimization"), name

sys.meta_path.insert(0, Hide())
metadata.version = VERSIONS.get
from fqss_tf.errors import FqssError
try:
    importlib.import_module("fqss_tf." + sys.argv[1])
except FqssError as error:
    sys.exit("tf_keras 2.15.0 is installed" not in str(error))
sys.exit("nothing was said")
"""
    assert subprocess.run([sys.executable, "-c", code, module]).returncode == 0


def test_importing_the_package_leaves_tensorflow_alone():
    code = "import sys, fqss_tf; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_an_unknown_attribute_is_an_attribute_error():
    import fqss_tf

    with pytest.raises(AttributeError, match="load_modle"):
        _ = fqss_tf.load_modle
