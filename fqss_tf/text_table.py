"""Tables as aligned text."""

from collections.abc import Iterator, Sequence


def aligned(rows: Sequence[Sequence[str]], numbers_from: int | None = None) -> Iterator[str]:
    """Yields the lines of a table, its columns two spaces apart.

    Args:
        rows: cells, as many in each row.
        numbers_from: the first column that is aligned to the right, as are all behind it; None
            aligns all to the left.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first = len(widths) if numbers_from is None else numbers_from
    for row in rows:
        cells = (
            cell.ljust(width) if column < first else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
