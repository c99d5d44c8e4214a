#ifndef HALFTONE_NN_DATA_DATASET_H_
#define HALFTONE_NN_DATA_DATASET_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"
#include "nn/graph/tensor.h"

namespace halftone {

// Calibration or evaluation samples: one array per model input (first axis = sample), and
// optionally the class of each sample; an array without axes is one value for all samples.
// Immutable; copies share the elements.
class Dataset {
 public:
  // Takes the arrays of an .npz: `labels` (integers, one a sample) are the classes, every other
  // array an input; floats of any width become float32.
  // INVALID_ARGUMENT names the array: no samples, sample counts that differ, NaN or infinity.
  static absl::StatusOr<Dataset> Create(const std::map<std::string, Tensor>& arrays);
  static absl::StatusOr<Dataset> FromNpz(absl::string_view bytes);

  // OK if the data has what `graph` needs: each input by name, with its type (any float type is
  // converted, and any integer type of integers) and the shape of a sample; constants that are the
  // graph's, where it has initializers of their names; labels in [0, classes) where classes > 0.
  // OUT_OF_RANGE for an integer beyond 2^24, which float32 cannot hold.
  absl::Status CheckFits(const Graph& graph, int64_t classes) const;

  int64_t samples() const { return samples_; }
  bool has_labels() const { return labels_.has_value(); }
  const std::vector<int64_t>& labels() const { return *labels_; }
  const std::map<std::string, Tensor>& inputs() const { return inputs_; }
  const std::map<std::string, Tensor>& constants() const { return constants_; }

  // The first `count` samples, in order (all of them if there are fewer; at least one).
  Dataset Take(int64_t count) const;
  // All but those, which must leave at least one.
  Dataset Without(const std::set<int64_t>& left_out) const;

  // Samples [begin, begin + size) of input `name` in float32, as programs read them. Where the data
  // ends before that, the last sample is repeated, so that a program for a fixed batch can run on
  // the rest.
  absl::StatusOr<Tensor> Batch(absl::string_view name, int64_t begin, int64_t size) const;

 private:
  absl::Status CheckConstants(const Graph& graph) const;

  int64_t samples_ = 0;
  std::map<std::string, Tensor> inputs_, constants_;
  std::optional<std::vector<int64_t>> labels_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_DATA_DATASET_H_
