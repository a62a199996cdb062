import ast
import re
from pathlib import Path

import fqss_tf

PACKAGE = Path(fqss_tf.__file__).parent
PAGE = Path(__file__).parents[1] / "docs" / "explain" / "architecture.md"


def tiers():
    """The lines of the page, each a set of names; a line may import what stands above it."""
    block = re.search(r"## Direction of imports.*?```text\n(.*?)```", PAGE.read_text(), re.S)
    return [set(line.split()) for line in block.group(1).splitlines() if line.strip()]


def imports():
    """(part of the package, part that it imports, file), functions' own imports too."""
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fqss_tf."):
                names = [node.module]
            elif isinstance(node, ast.ImportFrom) and node.module == "fqss_tf":
                names = [f"fqss_tf.{alias.name}" for alias in node.names]
            else:
                continue
            for name in names:
                imported = name.split(".")[1]
                if (PACKAGE / imported).is_dir() or (PACKAGE / f"{imported}.py").exists():
                    yield parts[0], imported, path


def test_imports_go_the_way_that_the_page_draws():
    place = {name: position for position, names in enumerate(tiers()) for name in names}
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {imported}"
        for part, imported, path in imports()
        if part != imported and place[imported] >= place[part]
    ]
    assert wrong == []
