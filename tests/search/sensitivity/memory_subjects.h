#ifndef HALFTONE_TESTS_SEARCH_SENSITIVITY_MEMORY_SUBJECTS_H_
#define HALFTONE_TESTS_SEARCH_SENSITIVITY_MEMORY_SUBJECTS_H_

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "nn/onnx/import.h"
#include "tests/search/sensitivity/small_networks.h"

// Networks whose memory goes to different things, for tests of what is allocated.
namespace halftone::testing {

inline Subject Shipped(const std::string& name) {
  const std::string folder = absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/");
  absl::StatusOr<PreparedNetwork> network =
      PrepareNetwork(*ImportOnnxFile(absl::StrCat(folder, name, ".onnx")));
  EXPECT_TRUE(network.ok()) << network.status();
  const absl::StatusOr<Dataset> data = Dataset::FromNpz(*ReadFile(folder + "calib.npz"));
  EXPECT_TRUE(data.ok()) << data.status();
  return {*std::move(network), data->Take(80)};
}

// A convolution whose src becomes more than twice as large by padding.
inline Subject WidelyPadded() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 16, 40, 40})
      .Output("y")
      .Op("Conv", {"x", "w1"}, {"c1"}, {{"pads", Ints(4, 12)}, {"strides", Ints(2, 2)}})
      .Op("Relu", {"c1"}, {"r1"})
      .Op("GlobalAveragePool", {"r1"}, {"p"})
      .Op("Flatten", {"p"}, {"f"})
      .Op("Gemm", {"f", "w2"}, {"y"});
  builder.Weights("w1", Shape{16, 16, 3, 3}).Weights("w2", Shape{16, 4});
  return builder.Make(Shape{16, 40, 40}, 4, 40);
}

// A network that is mostly weights, and one that is mostly outputs.
inline Subject Heavy() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 256, 4, 4})
      .Output("y")
      .Op("Conv", {"x", "w1"}, {"c1"}, {{"pads", Ints(4, 1)}})
      .Op("GlobalAveragePool", {"c1"}, {"p"})
      .Op("Flatten", {"p"}, {"f"})
      .Op("Gemm", {"f", "w2"}, {"y"});
  builder.Weights("w1", Shape{256, 256, 3, 3}).Weights("w2", Shape{256, 4});
  return builder.Make(Shape{256, 4, 4}, 4, 40);
}

inline Subject Wide() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 16}).Output("y").Op("Gemm", {"x", "w"}, {"y"});
  builder.Weights("w", Shape{16, 2000});
  return builder.Make(Shape{16}, 2000, 400);
}

// By its name: a shipped network, or "padded", "heavy", "wide".
inline Subject MemorySubject(const std::string& name) {
  if (name == "padded") return WidelyPadded();
  if (name == "heavy") return Heavy();
  if (name == "wide") return Wide();
  return Shipped(name);
}

}  // namespace halftone::testing

#endif  // HALFTONE_TESTS_SEARCH_SENSITIVITY_MEMORY_SUBJECTS_H_
