import subprocess
import sys

import pytest

import fqss_tf
from fqss_tf.errors import FqssError
from fqss_tf.tflite.shipped import DEFAULT, DEFAULT_STREAMING, list_models, model_path


def python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True
    ).stdout


def test_every_public_name_is_there():
    for name in fqss_tf.__all__:
        assert getattr(fqss_tf, name) is not None
    assert set(dir(fqss_tf)) == set(fqss_tf.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fqss_tf.nonsense


def test_the_runtime_names_need_no_tensorflow():
    names = "fqss_tf.Separator, fqss_tf.StreamingSeparator, fqss_tf.list_models, fqss_tf.FqssError"
    program = (
        f"import sys, fqss_tf; {names}; "
        "print([name for name in ('tensorflow', 'tf_keras', 'scipy') if name in sys.modules])"
    )
    assert python("-c", program).strip() == "[]"


def test_the_package_is_a_command():
    assert "separate" in python("-m", "fqss_tf", "--help")


def test_models_have_names(tmp_path):
    assert {DEFAULT, DEFAULT_STREAMING} <= set(list_models())
    assert model_path(DEFAULT).is_file()
    assert model_path("folder/own.tflite").name == "own.tflite"
    with pytest.raises(FqssError, match="no model other: give a .tflite file or one of two-voices"):
        model_path("other")


def test_a_separator_opens_shipped_models():
    with fqss_tf.Separator() as separator, fqss_tf.Separator(DEFAULT) as named:
        assert separator.metadata == named.metadata
        assert not separator.metadata.is_streaming
    with fqss_tf.StreamingSeparator() as streaming:
        assert streaming.metadata.is_streaming
