"""The mistake that main.cc of a package warns of: states that go straight from output to input."""

COPIED_AWAY = "std::memcpy(after, interpreter->output(tensor.output)->data.int8, tensor.bytes);"
STRAIGHT = (
    "std::memcpy(interpreter->input(tensor.input)->data.int8, "
    "interpreter->output(tensor.output)->data.int8, tensor.bytes);"
)
LOOP = """\
  for (const FqssTensor& tensor : kFqssStates) {
    std::memcpy(interpreter->input"""
ONLY_ONCE = "  static int steps = 0;\n  if (steps++ == 0)\n"


def with_straight_states(source: str) -> str:
    """Returns main.cc with this mistake: only the first states are written before a step."""
    assert LOOP in source and COPIED_AWAY in source
    return source.replace(LOOP, ONLY_ONCE + LOOP).replace(COPIED_AWAY, STRAIGHT)
