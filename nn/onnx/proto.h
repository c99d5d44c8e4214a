#ifndef HALFTONE_NN_ONNX_PROTO_H_
#define HALFTONE_NN_ONNX_PROTO_H_

// ONNX's protobuf classes, whose generated code needs some warnings off. Included by this folder's
// .cc files and internal headers only.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <onnx/onnx_pb.h>
#pragma GCC diagnostic pop

#endif  // HALFTONE_NN_ONNX_PROTO_H_
