#include <algorithm>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/data/npz.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/onnx/import.h"
#include "nn/quant/weight_bytes.h"
#include "tests/nn/engine/plan_network.h"
#include "tests/nn/engine/run_program.h"

// What a plan makes of transformers: products of two activations, and what lies between them.
namespace halftone {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kTieTolerance = 0.01;
// A plan leaves sources of more than 8 bits as they are, which tips some of the 8-bit ones after.
constexpr double kMixedTolerance = 0.02;
constexpr PlanOptions kExact{/*exact_shortcuts=*/true};

PlanNetwork Transformer(int64_t batch = 2, uint64_t seed = 5) {
  absl::StatusOr<PlanNetwork> network = MakeRandomTransformer(batch, seed);
  EXPECT_TRUE(network.ok()) << network.status();
  return *std::move(network);
}

double PlanError(const PlanNetwork& network, const QuantizedAssignment& assignment,
                 const PlanOptions& options) {
  const auto plan = network.RunPlan(assignment, options);
  const auto expected = network.RunFakeQuantized(assignment);
  EXPECT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(expected.ok()) << expected.status();
  return plan.ok() && expected.ok() ? RelativeError(*plan, *expected) : 1;
}

std::vector<PlanStep> Steps(const PlanNetwork& network, const QuantizedAssignment& assignment) {
  const auto steps = DescribePlan(network.graph, network.layers, assignment);
  EXPECT_TRUE(steps.ok()) << steps.status();
  return steps.value_or(std::vector<PlanStep>());
}

TEST(PlanTransformerTest, Float32IsTheEngines) {
  for (const int64_t batch : {1, 3}) EXPECT_LT(PlanError(Transformer(batch), {}, {}), 1e-5);
}

TEST(PlanTransformerTest, Int8IsFakeQuantization) {
  for (const char* const precision : {"w8a8", "w4a8", "w8a6", "w4a4"}) {
    for (const int64_t batch : {1, 3}) {
      const PlanNetwork network = Transformer(batch);
      const auto assignment = network.QuantizeAll(*Precision::Parse(precision));
      ASSERT_TRUE(assignment.ok()) << assignment.status();
      EXPECT_LT(PlanError(network, *assignment, kExact), kTieTolerance) << precision;
    }
  }
}

TEST(PlanTransformerTest, SymmetricSourcesAreSignedBytes) {
  const PlanNetwork network = Transformer();
  std::map<std::string, Precision> precisions;
  for (const Layer& layer : network.layers.layers) precisions[layer.name] = Precision::Int(8, 8);
  for (const Symmetry symmetry : {Symmetry::kSymmetricRestricted, Symmetry::kSymmetricFull}) {
    const auto assignment = network.Quantize(precisions, symmetry);
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    EXPECT_LT(PlanError(network, *assignment, kExact), kTieTolerance);
  }
}

TEST(PlanTransformerTest, RandomMixedAssignmentsAreFakeQuantization) {
  const char* const kPrecisions[] = {"f32", "w8a8", "w4a8", "w8", "w16a16"};
  std::mt19937 random(3);
  for (int round = 0; round < 8; ++round) {
    const PlanNetwork network = Transformer(1 + round % 2, 100 + round);
    std::map<std::string, Precision> precisions;
    for (const Layer& layer : network.layers.layers) {
      precisions[layer.name] = *Precision::Parse(kPrecisions[random() % 5]);
    }
    const auto assignment = network.Quantize(precisions);
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    EXPECT_LT(PlanError(network, *assignment, kExact), kMixedTolerance) << "round " << round;
  }
}

TEST(PlanTransformerTest, BFloat16IsCloseToFloat32) {
  const PlanNetwork network = Transformer();
  const auto plan = network.RunPlan(*network.QuantizeAll(*Precision::Parse("bf16")));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_LT(RelativeError(*plan, *network.RunPlan({})), 0.03);
}

TEST(PlanTransformerTest, ProductsOfActivationsRunInOptimizedKernels) {
  const PlanNetwork network = Transformer();
  for (const char* const text : {"f32", "w8a8", "w4a8", "bf16"}) {
    const Precision precision = *Precision::Parse(text);
    const auto assignment = network.QuantizeAll(precision);
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    size_t layers = 0;
    for (const PlanStep& step : Steps(network, *assignment)) {
      EXPECT_THAT(step.implementation, Not(HasSubstr("ref"))) << step.name;
      EXPECT_THAT(step.implementation, Not(HasSubstr("engine"))) << step.name;
      if (step.kind != PlanStep::Kind::kLayer) continue;
      ++layers;
      EXPECT_EQ(step.executed_as, ExecutedAs(*network.layers.Find(step.name), precision));
    }
    EXPECT_EQ(layers, network.layers.layers.size());
  }
}

TEST(PlanTransformerTest, WhatOnlyMovesTakesNoStep) {
  const PlanNetwork network = Transformer();
  // Concat, positions; per block two normalizations, one Softmax, and a mask in the second; the
  // last normalization.
  const std::vector<PlanStep> steps = Steps(network, {});
  EXPECT_EQ(std::count_if(steps.begin(), steps.end(),
                          [](const PlanStep& step) { return step.kind == PlanStep::Kind::kOther; }),
            2 + 3 + 4 + 1);
  // float32 needs no conversion but those of the image and of the token that is gathered.
  EXPECT_EQ(
      std::count_if(steps.begin(), steps.end(),
                    [](const PlanStep& step) { return step.kind == PlanStep::Kind::kConversion; }),
      2);
}

// The trained network, on images of Fashion-MNIST.
TEST(PlanTransformerTest, TheShippedTransformerIsFakeQuantization) {
  const std::string folder = absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/");
  const auto graph = ImportOnnxFile(folder + "vit.onnx");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto bytes = ReadFile(folder + "calib.npz");
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  std::vector<float> images = *ReadNpz(*bytes)->at("input").ToFloats();
  constexpr int64_t kBatch = 4;
  images.resize(static_cast<size_t>(kBatch) * 28 * 28);
  const auto network = PlanNetwork::Create(*graph, kBatch, std::move(images));
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_LT(PlanError(*network, {}, {}), 1e-5);
  for (const char* const precision : {"w8a8", "w4a8"}) {
    const auto assignment = network->QuantizeAll(*Precision::Parse(precision));
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    EXPECT_LT(PlanError(*network, *assignment, kExact), kTieTolerance) << precision;
    for (const PlanStep& step : Steps(*network, *assignment)) {
      EXPECT_THAT(step.implementation, Not(HasSubstr("ref"))) << step.name;
      EXPECT_THAT(step.implementation, Not(HasSubstr("engine"))) << step.name;
    }
  }
}

TEST(PlanTransformerTest, NeedsBothQuantizersOfAProduct) {
  const PlanNetwork network = Transformer();
  QuantizedAssignment assignment = *network.QuantizeAll(Precision::Int(8, 8));
  for (auto& [name, quantizers] : assignment) {
    if (!network.layers.Find(name)->weights.empty()) continue;
    quantizers.weights = nullptr;
    const absl::Status status =
        InferencePlan::Create(network.graph, network.layers, assignment).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("second source"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    return;
  }
  FAIL() << "no product";
}

TEST(PlanTransformerTest, ABitWidthOfWeightsMeansNothingToAProduct) {
  const PlanNetwork network = Transformer();
  const auto product = std::find_if(network.layers.layers.begin(), network.layers.layers.end(),
                                    [](const Layer& layer) { return layer.weights.empty(); });
  ASSERT_NE(product, network.layers.layers.end());
  const auto executed = [&](const char* text) {
    return ExecutedAs(*product, *Precision::Parse(text)).ToString();
  };
  EXPECT_EQ(executed("w2a7"), "w8a8");
  EXPECT_EQ(executed("w16a7"), "w8a8");
  EXPECT_EQ(executed("w8a16"), "f32");
  EXPECT_EQ(executed("w4"), "f32");
  EXPECT_EQ(PackedWeightBytes(*product, Precision::Int(8, 8)), 0);
}

}  // namespace
}  // namespace halftone
