"""A network is one folder and one line of the registry: no other module knows which there are."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest

import fqss_tf
from fqss_tf.models.registry import NETWORKS

PACKAGE = Path(fqss_tf.__file__).parent
FOLDERS = {name: Path(*type(network).__module__.split(".")[1:])
           for name, network in NETWORKS.items()}
REGISTRY = Path("models/registry.py")
# A layout is how one publisher lays out one network: its names, and which weights go where.
LAYOUTS = Path("importing/layouts.py")
# Publishers are called by what they publish.
NAMES = Path("importing/by_name.py")
# What they make for all networks, everyone may name.
WAVEFORM = Path("models/waveform.py")
# Ends of names of no network in particular: every norm's, and that of a quantizer's variable.
OF_NO_NETWORK = {"_norm", "_shift"}
# What dual-path networks share is made and named here.
DUAL_PATH = (Path("models/dual_path.py"), Path("models/dual_path_weights.py"))


def modules(*left_out):
    """(path in the package, tree without docstrings) of what lies in no network's folder."""
    for path in sorted(PACKAGE.rglob("*.py")):
        path = path.relative_to(PACKAGE)
        if path not in left_out and not any(path.is_relative_to(f) for f in FOLDERS.values()):
            yield path, tree_of(path)


def tree_of(path):
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node):
            del node.body[0]
    return tree


def identifiers(tree):
    """Every name that code uses, and every string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield from (node.name.rpartition(".")[2], node.asname)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def imported(tree):
    """Every module that is imported, and every name imported from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strings(tree):
    """Every string, and each part of a formatted one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def layers_in(trees):
    """Strings that names of layers are made of: words with an underscore."""
    texts = {text for tree in trees for text in strings(tree)}
    return {text for text in texts if re.fullmatch(r"\w*_\w*", text) and text != "_"}


@pytest.fixture(scope="module")
def own_layers():
    """What the names of layers are made of that only the folders of networks have."""
    files = [path for folder in FOLDERS.values() for path in (PACKAGE / folder).glob("*.py")]
    fields = {
        field.name for network in NETWORKS.values() for field in dataclasses.fields(network.sizes)
    }
    of_all = tuple(layers_in([tree_of(WAVEFORM)]))
    names = layers_in(map(tree_of, files)) - fields - OF_NO_NETWORK
    return {name for name in names if not name.startswith(of_all)}


def test_each_network_has_a_folder_of_its_own():
    assert len(set(FOLDERS.values())) == len(NETWORKS)
    for folder in FOLDERS.values():
        assert folder.parent == Path("models")
        assert {"__init__.py", "sizes.py", "graph.py"} <= {
            path.name for path in (PACKAGE / folder).iterdir()
        }


def test_no_other_module_names_a_class_of_a_network():
    classes = {
        kind.__name__
        for network in NETWORKS.values() for kind in (type(network), type(network.sizes))
    }
    assert {"ConvTasNet", "ConvTasNetConfig"} <= classes
    wrong = [(str(path), name) for path, tree in modules(REGISTRY)
             for name in identifiers(tree) if name in classes]
    assert wrong == []


def test_no_other_module_names_a_network():
    wrong = [(str(path), text) for path, tree in modules(REGISTRY, LAYOUTS, NAMES)
             for text in strings(tree) if text in NETWORKS]
    assert wrong == []


def test_no_other_module_imports_from_the_folder_of_a_network():
    folders = [f"fqss_tf.{'.'.join(folder.parts)}" for folder in FOLDERS.values()]
    wrong = [(str(path), name) for path, tree in modules(REGISTRY, LAYOUTS)
             for name in imported(tree)
             if any(f"{name}.".startswith(f"{folder}.") for folder in folders)]
    assert wrong == []


def test_networks_do_not_import_each_other():
    for name, folder in FOLDERS.items():
        others = [".".join(other.parts) for other in FOLDERS.values() if other != folder]
        for path in (PACKAGE / folder).glob("*.py"):
            found = [module for module in imported(tree_of(path.relative_to(PACKAGE)))
                     if any(f"{module}.".startswith(f"fqss_tf.{other}.") for other in others)]
            assert found == [], name


def test_no_other_module_names_a_layer_of_a_network(own_layers):
    assert {"block_", "_depthwise", "bottleneck_norm", "_ffn_in"} <= own_layers
    wrong = [(str(path), text) for path, tree in modules(LAYOUTS, *DUAL_PATH)
             for text in strings(tree) if text in own_layers]
    assert wrong == []
