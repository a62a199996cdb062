// Gives the op resolver of 2020 the methods of today's. LEAKY_RELU, RELU and SLICE are missing.
#ifndef FQSS_TEST_MICRO_MUTABLE_OP_RESOLVER_H
#define FQSS_TEST_MICRO_MUTABLE_OP_RESOLVER_H

#include_next "tensorflow/lite/micro/micro_mutable_op_resolver.h"

#include "tensorflow/lite/micro/kernels/micro_ops.h"

namespace tflite {

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

 private:
  TfLiteStatus Add(BuiltinOperator op, TfLiteRegistration* registration) {
    return this->AddBuiltin(op, registration, MicroOpResolverAnyVersion());
  }

  TF_LITE_REMOVE_VIRTUAL_DELETE
};

}  // namespace tflite

#define MicroMutableOpResolver OpResolverOf2020

#endif
