"""Numbers as the text of a C array."""

from collections.abc import Iterable

WIDTH = 100


def array(kind: str, name: str, numbers: Iterable[int]) -> str:
    """Returns the definition of an array, such as ``int8_t weights[] = {1, 2};``."""
    lines, line = [f"{kind} {name}[] = {{"], " "
    for number in numbers:
        text = f" {number},"
        if len(line) + len(text) > WIDTH:
            lines.append(line)
            line = " "
        line += text
    return "\n".join([*lines, line, "};"])
