// Gives the op resolver of 2020 the methods of today's, and a RELU that rescales, which TFLM had only later. LEAKY_RELU
// and SLICE are missing.
#ifndef FQSS_TEST_MICRO_MUTABLE_OP_RESOLVER_H
#define FQSS_TEST_MICRO_MUTABLE_OP_RESOLVER_H

#include_next "tensorflow/lite/micro/micro_mutable_op_resolver.h"

#include <algorithm>

#include "tensorflow/lite/kernels/internal/common.h"
#include "tensorflow/lite/kernels/internal/quantization_util.h"
#include "tensorflow/lite/kernels/kernel_util.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"

namespace tflite {

inline TfLiteStatus EvalRescalingRelu(TfLiteContext* context, TfLiteNode* node) {
  const TfLiteTensor* input = GetInput(context, node, 0);
  TfLiteTensor* output = GetOutput(context, node, 0);
  const int32_t zero = output->params.zero_point;
  int32_t multiplier;
  int shift;
  QuantizeMultiplier(input->params.scale / output->params.scale, &multiplier, &shift);
  for (size_t i = 0; i < input->bytes; i++) {
    const int32_t x = input->data.int8[i] - input->params.zero_point;
    const int32_t y = zero + MultiplyByQuantizedMultiplier(x, multiplier, shift);
    output->data.int8[i] = static_cast<int8_t>(std::min<int32_t>(127, std::max(zero, y)));
  }
  return kTfLiteOk;
}

template <unsigned int count>
class OpResolverOf2020 : public MicroMutableOpResolver<count> {
 public:
#define FQSS_OP(method, name) \
  TfLiteStatus method() { return Add(BuiltinOperator_##name, ops::micro::Register_##name()); }
  FQSS_OP(AddAdd, ADD)
  FQSS_OP(AddConcatenation, CONCATENATION)
  FQSS_OP(AddConv2D, CONV_2D)
  FQSS_OP(AddDepthwiseConv2D, DEPTHWISE_CONV_2D)
  FQSS_OP(AddLogistic, LOGISTIC)
  FQSS_OP(AddMul, MUL)
  FQSS_OP(AddPad, PAD)
  FQSS_OP(AddPrelu, PRELU)
  FQSS_OP(AddReshape, RESHAPE)
  FQSS_OP(AddStridedSlice, STRIDED_SLICE)
  FQSS_OP(AddSub, SUB)
  FQSS_OP(AddTanh, TANH)
#undef FQSS_OP

  TfLiteStatus AddRelu() {
    static TfLiteRegistration relu;
    relu.invoke = EvalRescalingRelu;
    return Add(BuiltinOperator_RELU, &relu);
  }

 private:
  TfLiteStatus Add(BuiltinOperator op, TfLiteRegistration* registration) {
    return this->AddBuiltin(op, registration, MicroOpResolverAnyVersion());
  }

  TF_LITE_REMOVE_VIRTUAL_DELETE
};

}  // namespace tflite

#define MicroMutableOpResolver OpResolverOf2020

#endif
