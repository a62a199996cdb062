from setuptools import find_packages, setup

setup(
    name="fqss-tf",
    version="0.1.0",
    description="Fully quantized source separation: TensorFlow models trained for integer LiteRT",
    license="Apache-2.0",
    packages=find_packages(include=["fqss_tf", "fqss_tf.*"]),
    package_data={"fqss_tf": ["py.typed", "recipes/*.yaml", "bundled/**", "tflite_models/*.tflite"]},
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
        "microphone": ["sounddevice"],
        "test": ["hypothesis", "mypy", "pytest", "ruff", "types-PyYAML"],
    },
    entry_points={"console_scripts": ["fqss-tf = fqss_tf.cli.main:main"]},
)
