"""A call in plain C, and what it reads, writes and needs."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Call:
    """A call, with tensors as ``{t5}`` or, 128 bytes further, ``{t5:128}``.

    ``reads`` and ``writes`` are tensor numbers; ``constants`` the definitions that stand before;
    ``scratch`` the bytes that it needs while it runs; ``macs`` its multiply-accumulates.
    """

    text: str
    reads: tuple[int, ...]
    writes: int
    constants: tuple[str, ...] = ()
    constant_bytes: int = 0
    scratch: int = 0
    macs: int = 0
