// Lets a program for today's TFLM be compiled with that of 2020, which wants an error reporter and a larger arena.
#ifndef FQSS_TEST_MICRO_INTERPRETER_H
#define FQSS_TEST_MICRO_INTERPRETER_H

#include_next "tensorflow/lite/micro/micro_interpreter.h"

#include "tensorflow/lite/micro/micro_error_reporter.h"

namespace tflite {

class MicroInterpreterOf2020 : public MicroInterpreter {
 public:
  MicroInterpreterOf2020(const Model* model, const MicroOpResolver& ops, uint8_t*, int)
      : MicroInterpreter(model, ops, Arena(), kArenaBytes, Reporter()) {}

 private:
  static constexpr int kArenaBytes = 512 * 1024;

  static uint8_t* Arena() {
    alignas(16) static uint8_t arena[kArenaBytes];
    return arena;
  }

  static ErrorReporter* Reporter() {
    static MicroErrorReporter reporter;
    return &reporter;
  }
};

}  // namespace tflite

#define MicroInterpreter MicroInterpreterOf2020

#endif
