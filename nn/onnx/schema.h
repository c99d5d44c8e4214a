#ifndef HALFTONE_NN_ONNX_SCHEMA_H_
#define HALFTONE_NN_ONNX_SCHEMA_H_

// ONNX's operator schemas, whose header needs some warnings off. Included by this folder's .cc
// files only.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wextra"
#include <onnx/defs/schema.h>
#pragma GCC diagnostic pop

#endif  // HALFTONE_NN_ONNX_SCHEMA_H_
