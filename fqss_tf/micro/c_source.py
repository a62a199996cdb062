"""The plain C of a step: model.h and model.c."""

import dataclasses

from fqss_tf.micro.call import Call
from fqss_tf.micro.calls import calls_of
from fqss_tf.micro.graph import StepGraph
from fqss_tf.micro.memory import Memory, plan_memory
from fqss_tf.micro.views import find_views

HEADER = """\
/* {title}
 *
 * Made by fqss-tf from model.tflite; computes what TFLite's reference kernels do, bit for bit.
 */
#ifndef FQSS_MODEL_H
#define FQSS_MODEL_H

#include <stdint.h>

#define FQSS_SAMPLE_RATE {sample_rate}
#define FQSS_STEP {step} /* samples that a step takes and gives */
#define FQSS_SOURCES {sources} /* {names} */
#define FQSS_DELAY {delay} /* samples by which the estimates come late; drop so many once */
#define FQSS_ARENA_BYTES {arena} /* all memory that the model needs, but for some stack */
#define FQSS_KEPT_BYTES {kept} /* of which so many at its start must last from step to step */

#ifdef __cplusplus
extern "C" {{
#endif

/* Begins a stream. arena: FQSS_ARENA_BYTES bytes, aligned to 8, anywhere. */
void fqss_reset(void *arena);

/* Separates the next FQSS_STEP samples. estimates: those of the first source, then of the others.
 * Both may not overlap the arena. */
void fqss_step(void *arena, const int16_t *mixture, int16_t *estimates);

#ifdef __cplusplus
}}
#endif

#endif
"""

SOURCE = """\
/* {title}. Made by fqss-tf; see model.h. */
#include "model.h"
#include "kernels.h"

{constants}

void fqss_reset(void *arena)
{{
    int8_t *const a = arena;
{resets}
}}

void fqss_step(void *arena, const int16_t *mixture, int16_t *estimates)
{{
    int8_t *const a = arena;
    for (int i = 0; i < FQSS_STEP; i++) {{
        a[{mixture} + 2 * i] = (int8_t)(mixture[i] >> 8);
        a[{mixture} + 2 * i + 1] = (int8_t)((mixture[i] & 255) - 128);
    }}
{calls}
    for (int i = 0; i < FQSS_SOURCES * FQSS_STEP; i++)
        estimates[i] = (int16_t)(a[{high} + i] * 256 + a[{low} + i] + 128);
}}
"""


@dataclasses.dataclass(frozen=True)
class Program:
    """The plain C of a step, and what it needs.

    Attributes:
        header: text of model.h.
        source: text of model.c.
        arena_bytes: RAM.
        kept_bytes: RAM that lasts from step to step.
        constant_bytes: weights, biases and multipliers.
        macs: multiply-accumulates of a step.
    """

    header: str
    source: str
    arena_bytes: int
    kept_bytes: int
    constant_bytes: int
    macs: int


def c_program(graph: StepGraph) -> Program:
    """Writes a step in C.

    Raises:
        FqssError: an op that plain C has not, or has not in this way; it names the op.
    """
    views = find_views(graph)
    by_op = calls_of(graph, views)
    calls = [call for of_op in by_op for call in of_op]
    memory = plan_memory(graph, views, calls)
    metadata = graph.metadata
    title = _in_comment(
        f"{metadata.network}, a step of {metadata.segment} samples at {metadata.sample_rate} Hz"
    )
    header = HEADER.format(
        title=title, sample_rate=metadata.sample_rate, step=metadata.segment,
        sources=len(metadata.sources), names=_in_comment(", ".join(metadata.sources)),
        delay=metadata.algorithmic_delay, arena=memory.bytes, kept=memory.kept,
    )
    source = SOURCE.format(
        title=title,
        constants="\n".join(text for call in calls for text in call.constants),
        resets="\n".join(
            f"    memset(a + {memory.offset(tensor.index)}, {tensor.zero_point}, {tensor.bytes});"
            for tensor in (graph.tensors[state.input] for state in graph.states)
        ),
        mixture=memory.offset(graph.mixture),
        calls="\n".join(
            f"    {_placed(call, memory, number)}" for number, call in enumerate(calls)
        ),
        high=memory.offset(graph.stages[0]), low=memory.offset(graph.stages[1]),
    )
    return Program(
        header, source, memory.bytes, memory.kept, sum(call.constant_bytes for call in calls),
        sum(call.macs for call in calls),
    )


def _in_comment(text: str) -> str:
    """Text of a file's description, which cannot end the comment that it stands in."""
    return " ".join(text.replace("*", "").split())


def _placed(call: Call, memory: Memory, number: int) -> str:
    """The text of a call with places in the arena for tensors."""
    names: dict[str, object] = {
        f"t{tensor}": _Address(memory.offset(tensor)) for tensor in (*call.reads, call.writes)
    }
    if number in memory.scratches:
        names["scratch"] = f"(uint64_t *)(void *)(a + {memory.scratches[number]})"
    return call.text.format(**names)


class _Address(int):
    """A place in the arena; ``{:128}`` formats the one that is 128 bytes further."""

    def __format__(self, further: str) -> str:
        return f"a + {self + int(further or 0)}"
