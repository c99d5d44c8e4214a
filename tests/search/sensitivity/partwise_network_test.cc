#include "search/sensitivity/partwise_network.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "nn/data/dataset.h"
#include "nn/onnx/import.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/network_cuts.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"

namespace halftone {
namespace {

using Precisions = std::map<std::string, Precision>;

const std::vector<Precision> kPrecisions = {Precision::Int(8, 8), Precision::Int(4, 4)};
constexpr int64_t kBatch = 32;
// The last batch is not full.
constexpr int64_t kSamples = 40;

// A network of tests/data/networks with a part of its data, calibrated.
struct Subject {
  explicit Subject(const std::string& name) {
    const std::string folder = std::string(HALFTONE_SOURCE_DIR) + "/tests/data/networks/";
    network = *PrepareNetwork(*ImportOnnxFile(absl::StrCat(folder, name, ".onnx")));
    data = Dataset::FromNpz(*ReadFile(folder + "calib.npz"))->Take(kSamples);
    calibration = *Calibrate(network, data, kPrecisions, {}, {});
  }

  std::unique_ptr<AssignmentEvaluator> Evaluator(int64_t kept_bytes) const {
    return *AssignmentEvaluator::Create(network, data, calibration, {}, SampleValues::kDivergences,
                                        kept_bytes);
  }
  Precisions All(const Precision& precision) const {
    Precisions assignment;
    for (const Layer& layer : network.layers.layers) assignment[layer.name] = precision;
    return assignment;
  }
  Precisions Except(size_t layer) const {
    Precisions assignment = All(kPrecisions[0]);
    assignment[network.layers.layers[layer].name] = kPrecisions[1];
    return assignment;
  }

  PreparedNetwork network;
  Dataset data;
  Calibration calibration;
};

void ExpectSame(const absl::StatusOr<Evaluation>& a, const absl::StatusOr<Evaluation>& b) {
  ASSERT_TRUE(a.ok()) << a.status();
  ASSERT_TRUE(b.ok()) << b.status();
  EXPECT_GT(b->mse, 0);
  EXPECT_EQ(a->kl, b->kl);
  EXPECT_EQ(a->mse, b->mse);
  EXPECT_EQ(a->sqnr_db, b->sqnr_db);
  EXPECT_EQ(a->quantized_accuracy, b->quantized_accuracy);
  EXPECT_EQ(a->sample_values, b->sample_values);
}

class SharedBeginningTest : public ::testing::TestWithParam<const char*> {};

TEST_P(SharedBeginningTest, ChangesNoBit) {
  const Subject subject(GetParam());
  const auto sharing = subject.Evaluator(AssignmentEvaluator::kMaxKeptBytes);
  const auto whole = subject.Evaluator(0);
  const size_t last = subject.network.layers.layers.size() - 1;
  for (const size_t layer : {last, last, last / 2, size_t{0}, last / 3, last}) {
    const Precisions assignment = subject.Except(layer);
    ExpectSame(sharing->Evaluate(assignment, {}), whole->Evaluate(assignment, {}));
  }
  const Precisions few = {{subject.network.layers.layers[last / 2].name, kPrecisions[1]}};
  ExpectSame(sharing->Evaluate(few, {}), whole->Evaluate(few, {}));
}

INSTANTIATE_TEST_SUITE_P(ShippedNetworks, SharedBeginningTest,
                         ::testing::Values("resnet14", "mobilenetv2", "vit"));

// Choices of one network in parts, and how much of it is computed.
class PartwiseNetworkTest : public ::testing::Test {
 protected:
  PartwiseNetworkTest()
      : graph_(*subject_.network.Bind(kBatch)),
        heads_(*ResolveHeads(subject_.network, graph_, LossKind::kAuto)) {
    for (const Layer& layer : subject_.network.layers.layers) {
      for (const Precision& precision : kPrecisions) {
        choices_[layer.name].push_back(
            std::make_shared<QuantizedChoice>(*subject_.calibration.Find(layer.name, precision)));
      }
    }
  }

  PartwiseNetwork Parts(int64_t max_bytes) const {
    return PartwiseNetwork(graph_, subject_.network.layers, heads_, subject_.data, kBatch,
                           max_bytes);
  }
  ChosenLayers Except(size_t changed) const {
    ChosenLayers chosen;
    for (size_t l = 0; l < subject_.network.layers.layers.size(); ++l) {
      const std::string& name = subject_.network.layers.layers[l].name;
      chosen[name] = choices_.at(name)[l == changed ? 1 : 0];
    }
    return chosen;
  }
  static int64_t ComputedBy(PartwiseNetwork& network, const ChosenLayers& chosen) {
    const int64_t before = network.computed_parts();
    EXPECT_TRUE(network.Run(chosen, {}, Ignore).ok());
    return network.computed_parts() - before;
  }
  static absl::Status Ignore(int64_t, int64_t, const BatchRunner&) { return absl::OkStatus(); }

  const Subject subject_{"resnet14"};
  const Graph graph_;
  const std::vector<Head> heads_;
  std::map<std::string, std::vector<ChoicePtr>> choices_;
};

TEST_F(PartwiseNetworkTest, ComputesFromTheFirstLayerThatDiffers) {
  PartwiseNetwork network = Parts(int64_t{256} << 20);
  const auto parts = static_cast<int64_t>(network.parts());
  ASSERT_EQ(parts, 8) << "the stem, six blocks, and the last layer";
  const size_t last = subject_.network.layers.layers.size() - 1;
  EXPECT_EQ(ComputedBy(network, Except(last)), parts);
  EXPECT_EQ(ComputedBy(network, Except(last + 1)), 1);
  EXPECT_EQ(ComputedBy(network, Except(last - 1)), 2);
  EXPECT_EQ(ComputedBy(network, Except(0)), parts);
  EXPECT_EQ(ComputedBy(network, Except(last)), 1) << "kept beyond what ran since";
}

TEST_F(PartwiseNetworkTest, KeepsNothingThatItMayNot) {
  PartwiseNetwork whole = Parts(0);
  EXPECT_EQ(whole.parts(), 1u);
  EXPECT_EQ(ComputedBy(whole, Except(0)), 1);
  PartwiseNetwork little = Parts(int64_t{1} << 20);
  EXPECT_GT(little.parts(), 1u);
  EXPECT_LT(little.parts(), Parts(int64_t{256} << 20).parts());
}

TEST_F(PartwiseNetworkTest, CutsWhereOneValueIsAlive) {
  for (const NetworkCut& cut : FindCuts(graph_, subject_.network.layers, heads_, 1 << 30)) {
    EXPECT_EQ(cut.value.find("conv1"), std::string::npos) << cut.value << " is beside a shortcut";
    EXPECT_EQ(cut.elements, graph_.values.at(cut.value).shape.Elements());
  }
}

TEST(NetworkCutsTest, BlocksOfTokensAreParts) {
  const Subject vit("vit");
  const Graph graph = *vit.network.Bind(kBatch);
  const std::vector<Head> heads = *ResolveHeads(vit.network, graph, LossKind::kAuto);
  const std::vector<NetworkCut> cuts = FindCuts(graph, vit.network.layers, heads, 1 << 30);
  // After attention and after the two layers behind it, of each block.
  EXPECT_GE(cuts.size(), 4u);
  EXPECT_TRUE(FindCuts(graph, vit.network.layers, heads, 0).empty());
  for (size_t i = 1; i < cuts.size(); ++i) EXPECT_LT(cuts[i - 1].nodes, cuts[i].nodes);
}

TEST_F(PartwiseNetworkTest, StopsWhenItIsCancelled) {
  PartwiseNetwork network = Parts(int64_t{256} << 20);
  Progress progress;
  progress.cancellation.Cancel();
  EXPECT_TRUE(absl::IsCancelled(network.Run(Except(0), progress, Ignore)));
  EXPECT_EQ(ComputedBy(network, Except(0)), static_cast<int64_t>(network.parts()));
}

TEST(KeptValuesTest, DropsWhatWasNotUsedForLongest) {
  const auto values = [] { return std::make_shared<std::vector<float>>(10, 1.0f); };
  KeptValues kept(100);
  kept.Keep({1, {}}, values());
  kept.Keep({2, {}}, values());
  EXPECT_EQ(kept.bytes(), 80);
  EXPECT_NE(kept.Find({1, {}}), nullptr);
  kept.Keep({3, {}}, values());
  EXPECT_EQ(kept.bytes(), 80);
  EXPECT_EQ(kept.Find({2, {}}), nullptr);
  EXPECT_NE(kept.Find({1, {}}), nullptr);
  kept.Keep({4, {}}, std::make_shared<std::vector<float>>(26, 1.0f));
  EXPECT_EQ(kept.Find({4, {}}), nullptr) << "more than fits";
  EXPECT_NE(kept.Find({3, {}}), nullptr);
}

// A float layer that nobody may compute again.
class UntouchedLayer : public Choice {
 public:
  std::string name() const override { return "float"; }
  bool IsFloat() const override { return true; }
  absl::StatusOr<ValueId> AppendTo(const LayerSite&) const override {
    return absl::InternalError("the float network was built once more");
  }
};

TEST(AssignmentEvaluatorTest, FloatNetworkIsNotRunTwice) {
  const testing::Digits digits = testing::LoadDigits();
  const Calibration none;
  const auto evaluator = *AssignmentEvaluator::Create(digits.network, digits.calibration, none, {});
  const std::string& layer = digits.network.layers.layers[0].name;
  const absl::StatusOr<Evaluation> evaluation =
      evaluator->EvaluateChosen({{layer, std::make_shared<UntouchedLayer>()}}, {});
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(evaluation->mse, 0);
  EXPECT_EQ(evaluation->quantized_accuracy, evaluation->float_accuracy);
}

}  // namespace
}  // namespace halftone
