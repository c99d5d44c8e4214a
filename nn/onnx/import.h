#ifndef HALFTONE_NN_ONNX_IMPORT_H_
#define HALFTONE_NN_ONNX_IMPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"
#include "nn/onnx/external_data.h"

namespace halftone {

struct ImportOptions {
  // Files beside the model's, for tensors whose elements lie there; null refuses them.
  std::shared_ptr<const ExternalData> external_data = nullptr;
  int64_t max_model_bytes = int64_t{2} << 30;  // of the model's own file
  int64_t max_external_bytes = int64_t{16} << 30;
  int64_t max_nodes = 200'000;  // with those of subgraphs, and of functions for each call
  // Whether operators of already quantized networks stay as they are; else what is read is the
  // float network that they approximate (nn/graph/quantized/read_as_float.h).
  bool quantized_as_is = false;
  // Whether inputs may have no elements: nothing can be measured of such a network.
  bool empty_inputs = false;
};

// Reads an ONNX model into a Graph: checks it, sorts its nodes, gives the unnamed ones names, and
// turns Constant nodes into initializers and calls of the model's functions into their nodes. Opset
// 7 or newer; older models whose operators all mean the same in opset 7 are taken as that. Opsets 7
// and 8 become 9, in which but few operators are written in another way. Shapes beyond those of the
// inputs are BindBatch's matter. Operators that Halftone does not know are kept (see
// FindUnsupported). Never crashes on malformed bytes: INVALID_ARGUMENT names the offender,
// UNIMPLEMENTED what is missing, and RESOURCE_EXHAUSTED tells of a limit. Thread-safe.
absl::StatusOr<Graph> ImportOnnx(absl::string_view bytes, const ImportOptions& options);

// The memory that ImportOnnx takes for these bytes, with the bytes themselves. INVALID_ARGUMENT and
// RESOURCE_EXHAUSTED as of ImportOnnx, as far as a walk over the bytes tells. Thread-safe.
absl::StatusOr<double> ModelReadingBytes(absl::string_view bytes);

// The locations of elements that are not in the model's file, as it names them, each once.
// INVALID_ARGUMENT and RESOURCE_EXHAUSTED as of ImportOnnx, as far as the parsed file tells.
// Thread-safe.
absl::StatusOr<std::vector<std::string>> ExternalLocationsOf(absl::string_view bytes);

// Reads the file at `path`, with external data from beside it.
absl::StatusOr<Graph> ImportOnnxFile(const std::string& path);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_IMPORT_H_
