#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "nn/data/dataset.h"
#include "nn/onnx/import.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/small_networks.h"

// Traces of the networks of tests/data/networks.
namespace halftone {
namespace {

using testing::Subject;

constexpr int64_t kSamples = 16;

Subject Load(const std::string& name) {
  const std::string folder = std::string(HALFTONE_SOURCE_DIR) + "/tests/data/networks/";
  const absl::StatusOr<Graph> graph = ImportOnnxFile(absl::StrCat(folder, name, ".onnx"));
  EXPECT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<PreparedNetwork> network = PrepareNetwork(graph.value_or(Graph()));
  EXPECT_TRUE(network.ok()) << network.status();
  const absl::StatusOr<std::string> bytes = ReadFile(folder + "calib.npz");
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  const absl::StatusOr<Dataset> data = Dataset::FromNpz(bytes.value_or(""));
  EXPECT_TRUE(data.ok()) << data.status();
  if (!network.ok() || !data.ok()) return {};
  return {*std::move(network), data->Take(kSamples)};
}

class ShippedNetworkTest : public ::testing::TestWithParam<const char*> {};

// Two ways that share little: norms of gradients of the classes, and products with the Hessian.
TEST_P(ShippedNetworkTest, ExactTracesAreWhereTheProbesPoint) {
  const Subject subject = Load(GetParam());
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTraceExact;
  options.loss = LossKind::kKl;
  const absl::StatusOr<SensitivityResult> exact = testing::Measure(subject, options);
  ASSERT_TRUE(exact.ok()) << exact.status();
  options.method = SensitivityMethod::kHessianTrace;
  options.probes = 16;
  options.batch = 4;
  options.tolerance = 0;
  const absl::StatusOr<SensitivityResult> probed = testing::Measure(subject, options);
  ASSERT_TRUE(probed.ok()) << probed.status();
  for (size_t l = 0; l < exact->layers.size(); ++l) {
    const LayerSensitivity& layer = exact->layers[l];
    if (layer.weights.empty()) {
      EXPECT_FALSE(layer.trace.has_value()) << "a product of two activations has no weights";
      continue;
    }
    EXPECT_EQ(layer.trace_kind, TraceKind::kExact) << layer.name;
    EXPECT_NEAR(*probed->layers[l].trace, *layer.trace, 4 * *probed->layers[l].trace_stderr)
        << layer.name;
  }
}

TEST_P(ShippedNetworkTest, SaysWhichTracesAreTheHessians) {
  const Subject subject = Load(GetParam());
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTraceExact;
  options.samples = 4;
  const absl::StatusOr<SensitivityResult> result = testing::Measure(subject, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output_metric, "cross-entropy");
  const bool is_smooth = std::string(GetParam()) == "vit";
  for (const LayerSensitivity& layer : result->layers) {
    if (layer.weights.empty()) continue;
    const bool is_last = layer.name == result->layers.back().name;
    EXPECT_EQ(layer.trace_kind, is_smooth && !is_last ? TraceKind::kGaussNewton : TraceKind::kExact)
        << layer.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ShippedNetworkTest,
                         ::testing::Values("resnet14", "mobilenetv2", "vit"));

}  // namespace
}  // namespace halftone
