#include "search/sensitivity/single_layer.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "nn/data/dataset.h"
#include "nn/onnx/import.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"

namespace halftone {
namespace {

const std::vector<Precision> kPrecisions = {Precision::Int(8, 8), Precision::Int(4, 4)};
// The last batch is not full.
constexpr int64_t kSamples = 40;

// A network of tests/data/networks with a part of its data, calibrated.
struct Subject {
  explicit Subject(const std::string& name) {
    const std::string folder = std::string(HALFTONE_SOURCE_DIR) + "/tests/data/networks/";
    network = *PrepareNetwork(*ImportOnnxFile(absl::StrCat(folder, name, ".onnx")));
    data = Dataset::FromNpz(*ReadFile(folder + "calib.npz"))->Take(kSamples);
    calibration = *Calibrate(network, data, kPrecisions, {}, {});
    choices = *QuantizedChoices(network, calibration, kPrecisions, {});
  }
  ChoiceRequest Request(double kept_bytes) const {
    return {network, data, choices, options, kept_bytes};
  }

  PreparedNetwork network;
  Dataset data;
  Calibration calibration;
  LayerChoices choices;
  SensitivityOptions options;
};

std::vector<double> Measured(SingleLayerMeter& meter, size_t layer) {
  const std::vector<size_t> which = {0, 1};
  const auto estimates = meter.Measure(layer, which, 0, nullptr, {});
  EXPECT_TRUE(estimates.ok()) << estimates.status();
  std::vector<double> means;
  for (const MeanEstimate& estimate : *estimates) means.push_back(estimate.mean());
  return means;
}

class SingleLayerTest : public ::testing::TestWithParam<const char*> {};

// Layers in their order, one twice, and back; the beginning kept, and computed again each time.
TEST_P(SingleLayerTest, IsTheSameToTheBitFromWhatIsKept) {
  const Subject subject(GetParam());
  const ChoiceRequest keeping = subject.Request(FloatPrefix::kMaxKeptBytes);
  const ChoiceRequest forgetting = subject.Request(0);
  SingleLayerMeter kept = *SingleLayerMeter::Create(keeping);
  SingleLayerMeter whole = *SingleLayerMeter::Create(forgetting);
  const auto evaluator =
      *AssignmentEvaluator::Create(subject.network, subject.data, subject.calibration, {});
  const std::vector<Layer>& layers = subject.network.layers.layers;
  const size_t last = layers.size() - 1;
  for (const size_t layer : {size_t{0}, last / 3, last / 2, last / 2, last, last / 4, last}) {
    const std::vector<double> means = Measured(kept, layer);
    EXPECT_EQ(means, Measured(whole, layer)) << layers[layer].name;
    for (size_t o = 0; o < kPrecisions.size(); ++o) {
      const auto evaluated = evaluator->Evaluate({{layers[layer].name, kPrecisions[o]}}, {});
      ASSERT_TRUE(evaluated.ok()) << evaluated.status();
      EXPECT_NEAR(means[o], evaluated->kl, 1e-6 * evaluated->kl) << layers[layer].name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ShippedNetworks, SingleLayerTest,
                         ::testing::Values("resnet14", "mobilenetv2", "vit"));

TEST(FloatPrefix, MovesForwardOnceAndBackAgain) {
  const Subject subject("resnet14");
  const std::vector<Layer>& layers = subject.network.layers.layers;
  const Graph bound = *subject.network.Bind(32);
  const std::vector<Head> heads = *ResolveHeads(subject.network, bound, LossKind::kAuto);
  const auto prefix = *FloatPrefix::Create(subject.network, subject.data, 32, heads,
                                           FloatPrefix::kMaxKeptBytes, {});
  EXPECT_TRUE(prefix->KeepsOutputs());
  ASSERT_TRUE(prefix->MoveTo(layers[0].name, {}).ok());
  EXPECT_EQ(prefix->cut(), nullptr) << "the first layer reads the network's input";
  size_t nodes = 0;
  for (const Layer& layer : layers) {
    ASSERT_TRUE(prefix->MoveTo(layer.name, {}).ok());
    const size_t now = prefix->cut() == nullptr ? 0 : prefix->cut()->nodes;
    EXPECT_GE(now, nodes);
    nodes = now;
  }
  EXPECT_GT(nodes, bound.nodes.size() / 2);
  ASSERT_TRUE(prefix->MoveTo(layers[0].name, {}).ok());
  EXPECT_EQ(prefix->cut(), nullptr);
  EXPECT_EQ(prefix->MoveTo("no such layer", {}).code(), absl::StatusCode::kInternal);
}

// Without room for any value, all begins at the inputs.
TEST(FloatPrefix, KeepsNoMoreThanItMay) {
  const Subject subject("resnet14");
  const Graph bound = *subject.network.Bind(32);
  const std::vector<Head> heads = *ResolveHeads(subject.network, bound, LossKind::kAuto);
  for (const double room : {0.0, 1000.0}) {
    const auto prefix = *FloatPrefix::Create(subject.network, subject.data, 32, heads, room, {});
    for (const Layer& layer : subject.network.layers.layers) {
      ASSERT_TRUE(prefix->MoveTo(layer.name, {}).ok());
      EXPECT_EQ(prefix->cut(), nullptr);
    }
  }
}

}  // namespace
}  // namespace halftone
