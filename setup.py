"""How the package is built and installed."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "fqss_tf" / "__init__.py").read_text())[1]
README = HERE / "README.md"

setup(
    name="fqss-tf",
    version=VERSION,
    description="Fully quantized source separation: TensorFlow models trained for integer LiteRT",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    keywords=[
        "audio", "source separation", "speech", "quantization", "int8", "tflite", "LiteRT",
        "TensorFlow", "Android", "microcontroller",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Topic :: Multimedia :: Sound/Audio :: Analysis",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["fqss_tf", "fqss_tf.*"]),
    package_data={
        "fqss_tf": [
            "py.typed", "recipes/*.yaml", "bundled/**", "micro/c/**", "tflite_models/*",
        ]
    },
    # tensorflow-io 0.37.1, its last release, loads only with TensorFlow 2.16, and
    # ai-edge-litert 2.3 has no wheel for Python 3.9.
    python_requires=">=3.10,<3.12",
    install_requires=[
        "tensorflow==2.16.2",
        "tf-keras==2.16.0",
        "tensorflow-model-optimization==0.8.1",
        "tensorflow-io==0.37.1",
        "ai-edge-litert>=2.3.0",
        "flatbuffers",
        "numpy==1.26.4",
        "pyloudnorm>=0.2.0",
        "click>=8.2",
        "matplotlib",
        "pillow",
        "pyyaml",
        "scipy",
        "soundfile",
        "soxr",
    ],
    extras_require={
        # Checkpoints of Hugging Face by their names.
        "hub": ["huggingface_hub"],
        # speechmos has no requirements of its own.
        "metrics": [
            "fast_bss_eval", "librosa", "museval", "onnxruntime", "pesq", "pystoi", "requests",
            "speechmos",
        ],
        # Checks of what convert --target writes.
        "mcu": ["ethos-u-vela", "tflite-micro"],
        "microphone": ["sounddevice"],
        "test": [
            "huggingface_hub", "hypothesis", "mypy", "pytest", "pytest-xdist", "ruff",
            "types-PyYAML",
        ],
    },
    entry_points={"console_scripts": ["fqss-tf = fqss_tf.cli.main:main"]},
)
