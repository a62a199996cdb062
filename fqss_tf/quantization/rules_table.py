"""The table of quantizers that is in the documentation."""

from fqss_tf.quantization.rules import INNER_RULES, OUTPUT_RULES, WEIGHT_RULES


def markdown_table() -> str:
    """Returns the rules as a Markdown table, in the order in which they are tried."""
    rows = ["| layer | weights | inner tensors | output |", "|---|---|---|---|"]
    for rule in OUTPUT_RULES:
        alike: dict[tuple[str, str], list[str]] = {}
        for each in rule.types:
            alike.setdefault((_weight_text(each), _inner_text(each)), []).append(each.__name__)
        condition = f" {rule.when.text}" if rule.when else ""
        for (weights, inner), names in alike.items():
            rows.append(
                f"| {', '.join(names)}{condition} | {weights} | {inner} | {rule.output.text} |"
            )
    return "\n".join([*rows, "| any other | | | error |"])


def _weight_text(layer_type: type) -> str:
    return next((rule.text for rule in WEIGHT_RULES if issubclass(layer_type, rule.type)), "")


def _inner_text(layer_type: type) -> str:
    for rule in INNER_RULES:
        if issubclass(layer_type, rule.type):
            return rule.text
    return "trained" if hasattr(layer_type, "non_negative_tensors") else ""
