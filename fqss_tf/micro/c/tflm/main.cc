// Runs the model in TFLite Micro. Start, Reset and Step are what a firmware takes over; main() runs
// the golden stream through them and counts the samples that differ.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "../golden.h"
#include "model_data.h"
#include "model_ops.h"
#include "model_tensors.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

alignas(16) uint8_t arena[FQSS_TFLM_ARENA_BYTES];
// What the model remembers. It cannot stay in the arena: there, inputs and outputs share memory
// with each other and with what Invoke computes in between.
int8_t states[FQSS_TFLM_STATE_BYTES];
tflite::MicroInterpreter* interpreter = nullptr;

// Begins a stream: every state is its zero point.
void Reset() {
  int8_t* state = states;
  for (const FqssTensor& tensor : kFqssStates) {
    std::memset(state, tensor.zero_point, tensor.bytes);
    state += tensor.bytes;
  }
}

bool Start() {
  static FqssOps ops;
  if (RegisterFqssOps(&ops) != kTfLiteOk) return false;
  static tflite::MicroInterpreter instance(tflite::GetModel(fqss_model_data), ops, arena,
                                           sizeof(arena));
  interpreter = &instance;
  if (interpreter->AllocateTensors() != kTfLiteOk) return false;
  Reset();
  return true;
}

// Separates the next FQSS_STEP samples: those of the first source, then of the others.
bool Step(const int16_t* mixture, int16_t* estimates) {
  // Every input is written before every Invoke, and none before all outputs of the last one have
  // been read.
  int8_t* planes = interpreter->input(FQSS_TFLM_MIXTURE_INPUT)->data.int8;
  for (int i = 0; i < FQSS_STEP; i++) {
    planes[2 * i] = static_cast<int8_t>(mixture[i] >> 8);
    planes[2 * i + 1] = static_cast<int8_t>((mixture[i] & 255) - 128);
  }
  const int8_t* before = states;
  for (const FqssTensor& tensor : kFqssStates) {
    std::memcpy(interpreter->input(tensor.input)->data.int8, before, tensor.bytes);
    before += tensor.bytes;
  }
  if (interpreter->Invoke() != kTfLiteOk) return false;
  const int8_t* high = interpreter->output(kFqssStages[0].output)->data.int8;
  const int8_t* low = interpreter->output(kFqssStages[1].output)->data.int8;
  for (int i = 0; i < FQSS_SOURCES * FQSS_STEP; i++) {
    estimates[i] = static_cast<int16_t>(high[i] * 256 + low[i] + 128);
  }
  int8_t* after = states;
  for (const FqssTensor& tensor : kFqssStates) {
    std::memcpy(after, interpreter->output(tensor.output)->data.int8, tensor.bytes);
    after += tensor.bytes;
  }
  return true;
}

}  // namespace

int main() {
  static int16_t estimates[FQSS_SOURCES * FQSS_STEP];
  if (!Start()) {
    std::printf("TFLM cannot start the model\n");
    return 2;
  }
  long wrong = 0;
  for (long step = 0; step < FQSS_GOLDEN_STEPS; step++) {
    const int16_t* expected = fqss_golden_estimates + step * FQSS_SOURCES * FQSS_STEP;
    if (!Step(fqss_golden_mixture + step * FQSS_STEP, estimates)) return 2;
    for (int i = 0; i < FQSS_SOURCES * FQSS_STEP; i++) wrong += estimates[i] != expected[i];
  }
  std::printf("%ld wrong samples of %ld\n", wrong,
              static_cast<long>(FQSS_GOLDEN_STEPS) * FQSS_SOURCES * FQSS_STEP);
  return wrong != 0;
}
