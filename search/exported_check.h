#ifndef HALFTONE_SEARCH_EXPORTED_CHECK_H_
#define HALFTONE_SEARCH_EXPORTED_CHECK_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/onnx/export.h"
#include "nn/quant/precision.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// How far a written model is from the network that it was written of, by the output that differs
// most. Root mean squares over samples and elements, relative to that of the network's output.
struct ExportDifference {
  int64_t samples = 0;
  std::string output;
  double difference = 0;    // between the written model and the quantized network
  double quantization = 0;  // between the quantized network and the float one
};

// Reads the model back in and runs it as it is, QuantizeLinear for QuantizeLinear, beside the
// network with its layers quantized as `assignment` says, on the first samples of the data. Layers
// of float formats count as f32, which is what is written of them. Errors are those of reading and
// running; INVALID_ARGUMENT for a model of other inputs or outputs.
absl::StatusOr<ExportDifference> CompareExported(const ExportedOnnx& model,
                                                 const PreparedNetwork& network,
                                                 const Dataset& data,
                                                 const Calibration& calibration,
                                                 const std::map<std::string, Precision>& assignment,
                                                 const Progress& progress);

// ExportQuantizedOnnx of the assignment, and its comparison: FAILED_PRECONDITION, naming the output
// and both figures, where the model is not the network.
struct CheckedExport {
  ExportedOnnx model;
  ExportDifference difference;
};
absl::StatusOr<CheckedExport> ExportChecked(const PreparedNetwork& network, const Dataset& data,
                                            const Calibration& calibration,
                                            const std::map<std::string, Precision>& assignment,
                                            const Progress& progress,
                                            const ExportOptions& options = {});

}  // namespace halftone

#endif  // HALFTONE_SEARCH_EXPORTED_CHECK_H_
