#ifndef HALFTONE_TESTS_NN_ONNX_EXERCISE_MODEL_H_
#define HALFTONE_TESTS_NN_ONNX_EXERCISE_MODEL_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace halftone {

// Does all that the service does with the bytes of a model before it computes with it: imports,
// inspects, binds and rewrites it, and finds its layers. The first error, or OK. What comes out of
// a pass is checked to be a valid graph; a pass that breaks this aborts the process.
absl::Status ExerciseModel(absl::string_view bytes);

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ONNX_EXERCISE_MODEL_H_
