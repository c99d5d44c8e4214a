#ifndef HALFTONE_TESTS_SEARCH_SENSITIVITY_DIGITS_H_
#define HALFTONE_TESTS_SEARCH_SENSITIVITY_DIGITS_H_

#include <string>
#include <vector>

#include "base/files.h"
#include "gtest/gtest.h"
#include "nn/data/dataset.h"
#include "nn/onnx/import.h"
#include "nn/quant/precision.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone::testing {

// The small trained network of tests/data/tiny-digits with its data (see the README there).
struct Digits {
  PreparedNetwork network;
  Dataset calibration;
};

inline std::string DigitsPath(const std::string& file) {
  return std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file;
}

inline Dataset LoadDataset(const std::string& file) {
  const absl::StatusOr<std::string> bytes = ReadFile(DigitsPath(file));
  if (!bytes.ok()) {
    ADD_FAILURE() << bytes.status();
    return {};
  }
  absl::StatusOr<Dataset> data = Dataset::FromNpz(*bytes);
  if (!data.ok()) {
    ADD_FAILURE() << data.status();
    return {};
  }
  return *std::move(data);
}

inline PreparedNetwork LoadNetwork(const std::string& file) {
  const absl::StatusOr<Graph> graph = ImportOnnxFile(DigitsPath(file));
  if (!graph.ok()) {
    ADD_FAILURE() << graph.status();
    return {};
  }
  absl::StatusOr<PreparedNetwork> network = PrepareNetwork(*graph);
  if (!network.ok()) {
    ADD_FAILURE() << network.status();
    return {};
  }
  return *std::move(network);
}

inline Digits LoadDigits(const std::string& model = "model.onnx") {
  return {LoadNetwork(model), LoadDataset("calib.npz")};
}

}  // namespace halftone::testing

#endif  // HALFTONE_TESTS_SEARCH_SENSITIVITY_DIGITS_H_
