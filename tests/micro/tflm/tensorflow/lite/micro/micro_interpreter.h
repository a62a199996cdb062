// Stands in for TFLM where main.cc is tested. As in TFLM, inputs and outputs share memory: the next
// states lie where the states did, in reverse, and Invoke leaves nothing else in the arena.
#ifndef STAND_IN_MICRO_INTERPRETER_H
#define STAND_IN_MICRO_INTERPRETER_H

#include <cstdint>
#include <vector>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

struct TfLiteTensor {
  union {
    int8_t* int8;
  } data;
};

namespace tflite {

struct Model {};

template <int count>
struct MicroMutableOpResolver {
  int added = 0;
  TfLiteStatus Add() { return ++added <= count ? kTfLiteOk : kTfLiteError; }
  TfLiteStatus AddAdd() { return Add(); }
};

// The states are inputs 1, 2 and 3 of 16 bytes; the mixture is input 0; outputs are the states and
// then both stages. What a step gives depends on every byte of all states.
class MicroInterpreter {
 public:
  template <typename Ops>
  MicroInterpreter(const Model*, const Ops&, uint8_t* arena, int)
      : arena_(reinterpret_cast<int8_t*>(arena)) {}
  TfLiteStatus AllocateTensors() { return kTfLiteOk; }
  TfLiteTensor* input(int k) { return At(inputs_, k, 16 * k); }
  TfLiteTensor* output(int k) { return At(outputs_, k, Place(k)); }
  TfLiteStatus Invoke() {
    int8_t before[64], after[16 * 5];
    for (int i = 0; i < 64; i++) before[i] = arena_[i];
    for (int k = 0; k < 3; k++)
      for (int i = 0; i < 16; i++)
        after[16 * k + i] = static_cast<int8_t>(
            3 * before[16 * (k + 1) + i] + before[16 * (k + 1) + (i + 1) % 16] + before[i] + k);
    for (int i = 0; i < 32; i++) after[48 + i] = after[i] ^ after[(i + 16) % 48];
    for (int i = 0; i < 16; i++) arena_[i] = 77;
    for (int i = 0; i < 80; i++) arena_[Place(i / 16) + i % 16] = after[i];
    return kTfLiteOk;
  }

 private:
  static int Place(int k) { return 16 * (k < 3 ? 3 - k : k + 1); }
  TfLiteTensor* At(TfLiteTensor* tensors, int k, int place) {
    tensors[k].data.int8 = arena_ + place;
    return &tensors[k];
  }
  int8_t* arena_;
  TfLiteTensor inputs_[4], outputs_[5];
};

inline const Model* GetModel(const void*) {
  static Model model;
  return &model;
}

}  // namespace tflite

#endif
