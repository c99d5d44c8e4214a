#include "nn/engine/onednn/inference_plan.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/thread_limit.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/data/npz.h"
#include "nn/engine/onednn/arena.h"
#include "tests/nn/engine/graph_maker.h"
#include "tests/nn/engine/plan_network.h"
#include "tests/nn/engine/run_program.h"

// What a plan computes, against torch's logits and against fake quantization by the engine.
namespace halftone {
namespace {

using testing::HasSubstr;

// The plan rounds where fake quantization rounds, up to the last bits of the floats rounded: a
// handful of elements lie so near the middle of two levels that they go the other way.
constexpr double kTieTolerance = 0.01;
constexpr PlanOptions kExact{/*exact_shortcuts=*/true};

PlanNetwork TinyDigits(int64_t batch = 64) {
  absl::StatusOr<PlanNetwork> network = LoadTinyDigits("model.onnx", batch);
  EXPECT_TRUE(network.ok()) << network.status();
  return *std::move(network);
}

PlanNetwork RandomNetwork(uint64_t seed = 7) {
  absl::StatusOr<PlanNetwork> network = MakeRandomNetwork(2, seed);
  EXPECT_TRUE(network.ok()) << network.status();
  return *std::move(network);
}

double PlanError(const PlanNetwork& network, const QuantizedAssignment& assignment,
                 const PlanOptions& options) {
  const auto plan = network.RunPlan(assignment, options);
  const auto expected = network.RunFakeQuantized(assignment);
  EXPECT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(expected.ok()) << expected.status();
  return RelativeError(*plan, *expected);
}

std::shared_ptr<const InferencePlan> PlanOf(const PlanNetwork& network,
                                            const QuantizedAssignment& assignment) {
  auto plan = InferencePlan::Create(network.graph, network.layers, assignment);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *plan;
}

TEST(InferencePlanTest, Float32GivesTorchsLogits) {
  const PlanNetwork network = TinyDigits(256);
  const auto bytes =
      ReadFile(absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/tiny-digits/reference_bn.npz"));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const std::vector<float> expected = ReadNpz(*bytes)->at("logits").ToFloats().value();
  const auto logits = network.RunPlan({});
  ASSERT_TRUE(logits.ok()) << logits.status();
  ASSERT_EQ(logits->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR((*logits)[i], expected[i], 1e-4) << i;
}

TEST(InferencePlanTest, Float32OfAllOperatorsIsTheEngines) {
  EXPECT_LT(PlanError(RandomNetwork(), {}, {}), 1e-5);
}

TEST(InferencePlanTest, Int8IsFakeQuantization) {
  for (const char* const precision : {"w8a8", "w4a8", "w4a4", "w2a8", "w3a5", "w8a2"}) {
    const PlanNetwork network = TinyDigits();
    const auto assignment = network.QuantizeAll(*Precision::Parse(precision));
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    EXPECT_LT(PlanError(network, *assignment, kExact), kTieTolerance) << precision;
  }
}

TEST(InferencePlanTest, Int8OfAllOperatorsIsFakeQuantization) {
  const PlanNetwork network = RandomNetwork();
  for (const char* const precision : {"w8a8", "w6a8", "w8a7"}) {
    const auto assignment = network.QuantizeAll(*Precision::Parse(precision));
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    EXPECT_LT(PlanError(network, *assignment, kExact), kTieTolerance) << precision;
  }
}

TEST(InferencePlanTest, SymmetricSourcesAreSignedBytes) {
  const PlanNetwork network = RandomNetwork();
  std::map<std::string, Precision> precisions;
  for (const Layer& layer : network.layers.layers) precisions[layer.name] = Precision::Int(8, 8);
  for (const Symmetry symmetry : {Symmetry::kSymmetricRestricted, Symmetry::kSymmetricFull}) {
    const auto assignment = network.Quantize(precisions, symmetry);
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    EXPECT_LT(PlanError(network, *assignment, kExact), kTieTolerance);
  }
}

// Convolutions of the greatest integers alone: 16 bits hold the sum of no two of these products.
TEST(InferencePlanTest, TheGreatestIntegersAreAddedExactly) {
  constexpr float kLevel = 127;
  for (const int groups : {1, 16}) {
    GraphMaker maker(Shape{1, 16, 5, 5}, 5);
    const Shape shape{16, 16 / groups, 3, 3};
    std::vector<float> levels(static_cast<size_t>(shape.Elements()), -kLevel);
    const std::string weights = maker.Constant(Tensor::Of<float>(shape, std::move(levels)));
    const std::string conv = maker.Node1("Conv", {"x", weights}, {{"group", int64_t{groups}}});
    const Graph graph = maker.Finish(conv);
    const auto network = PlanNetwork::Create(graph, 1, std::vector<float>(size_t{16} * 25, 255));
    ASSERT_TRUE(network.ok()) << network.status();
    const auto assignment = network->QuantizeAll(Precision::Int(8, 8));
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    const auto sums = network->RunPlan(*assignment);
    ASSERT_TRUE(sums.ok()) << sums.status();
    const float expected = -kLevel * 255 * 9 * 16 / static_cast<float>(groups);
    for (const float sum : *sums) EXPECT_NEAR(sum / expected, 1, 1e-5) << groups;
  }
}

// A convolution that ends in it is all its upper bound, in the plan as in the engine.
TEST(InferencePlanTest, AClipWithBoundsOutOfOrderIsItsUpperBound) {
  GraphMaker maker(Shape{1, 4, 5, 5}, 5);
  const std::string conv = maker.Convolution("x", 4, 4, 3);
  const std::string clip = maker.Node1("Clip", {conv, maker.Number(2), maker.Number(0.5f)});
  const auto network = PlanNetwork::Create(maker.Finish(maker.Node1("Flatten", {clip})), 1,
                                           std::vector<float>(size_t{4} * 25, 1));
  ASSERT_TRUE(network.ok()) << network.status();
  const auto assignment = network->QuantizeAll(Precision::Int(8, 8));
  ASSERT_TRUE(assignment.ok()) << assignment.status();
  for (const QuantizedAssignment& precisions : {QuantizedAssignment(), *assignment}) {
    const auto result = network->RunPlan(precisions);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(*result, testing::Each(0.5f));
    const auto expected = network->RunFakeQuantized(precisions);
    ASSERT_TRUE(expected.ok()) << expected.status();
    EXPECT_EQ(*result, *expected);
  }
}

// A recurrence starts from one: two layers read it, each in a form of its own.
TEST(InferencePlanTest, LayersMayReadConstants) {
  GraphMaker maker(Shape{4, 12}, 5);
  const std::string start = maker.Weights(Shape{4, 6}, 1);
  const std::string first = maker.Node1("MatMul", {start, maker.Weights(Shape{6, 8}, 0.4f)});
  const std::string gates = maker.Node1("Gemm", {start, maker.Weights(Shape{6, 8}, 0.4f)});
  const std::string read = maker.Node1("MatMul", {"x", maker.Weights(Shape{12, 8}, 0.3f)});
  const std::string sum = maker.Node1("Add", {maker.Node1("Mul", {first, gates}), read});
  const std::string dst = maker.Node1("MatMul", {sum, maker.Weights(Shape{8, 5}, 0.4f)});
  std::vector<float> input(48);
  for (size_t i = 0; i < input.size(); ++i) input[i] = std::sin(static_cast<float>(i));
  const auto network = PlanNetwork::Create(maker.Finish(dst), 4, input);
  ASSERT_TRUE(network.ok()) << network.status();
  ASSERT_EQ(network->layers.layers.size(), 4u);
  EXPECT_LT(PlanError(*network, {}, {}), 1e-5);
  std::map<std::string, Precision> precisions;
  for (const Layer& layer : network->layers.layers) {
    precisions[layer.name] = *Precision::Parse(precisions.empty() ? "f32" : "w8a8");
  }
  const auto mixed = network->Quantize(precisions);
  const auto bytes = network->QuantizeAll(Precision::Int(8, 8));
  ASSERT_TRUE(mixed.ok() && bytes.ok());
  EXPECT_LT(PlanError(*network, *mixed, kExact), kTieTolerance);
  EXPECT_LT(PlanError(*network, *bytes, kExact), kTieTolerance);
}

// Their scales are negative where the level more is above zero.
TEST(InferencePlanTest, WeightsWithScalesOfEitherSignRunInBytes) {
  for (const PlanNetwork& network : {TinyDigits(), RandomNetwork()}) {
    for (const int bits : {2, 4, 7}) {
      std::map<std::string, Precision> precisions;
      for (const Layer& layer : network.layers.layers) {
        precisions[layer.name] = Precision::Int(bits, 8);
      }
      auto assignment =
          network.Quantize(precisions, Symmetry::kAsymmetric, Symmetry::kSymmetricSigned);
      ASSERT_TRUE(assignment.ok()) << assignment.status();
      const auto& scales = assignment->begin()->second.weights->scales;
      const bool turned =
          std::any_of(scales.begin(), scales.end(), [](float scale) { return scale < 0; });
      EXPECT_TRUE(turned);
      EXPECT_LT(PlanError(network, *assignment, kExact), kTieTolerance) << bits;
    }
  }
}

TEST(InferencePlanTest, WeightsWithZeroPointsRunInBytesWhereTheyFit) {
  const PlanNetwork network = TinyDigits();
  for (const int bits : {4, 7, 8}) {
    std::map<std::string, Precision> precisions;
    for (const Layer& layer : network.layers.layers) {
      precisions[layer.name] = Precision::Int(bits, 8);
    }
    const auto assignment =
        network.Quantize(precisions, Symmetry::kAsymmetric, Symmetry::kAsymmetric);
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    // With 8 bits the integers less their zero point do not fit, and the layer runs in float32.
    EXPECT_LT(PlanError(network, *assignment, kExact), kTieTolerance) << bits;
  }
}

TEST(InferencePlanTest, RandomMixedAssignmentsAreFakeQuantization) {
  const char* const kPrecisions[] = {"f32", "w8a8", "w4a8", "w8", "w16a16"};
  std::mt19937 random(3);
  for (int round = 0; round < 12; ++round) {
    const PlanNetwork network = round % 2 == 0 ? TinyDigits() : RandomNetwork(round);
    std::map<std::string, Precision> precisions;
    for (const Layer& layer : network.layers.layers) {
      precisions[layer.name] = *Precision::Parse(kPrecisions[random() % 5]);
    }
    const auto assignment = network.Quantize(precisions);
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    EXPECT_LT(PlanError(network, *assignment, kExact), kTieTolerance) << "round " << round;
  }
}

// What a plan says of each layer by itself is what it does, whatever the other layers are in.
TEST(InferencePlanTest, ShortcutsAreRoundedAsTheChoiceOfOneLayerSays) {
  const std::vector<Precision> precisions = {Precision::Float32(), Precision::Int(7, 8),
                                             Precision::Int(4, 4), Precision::Int(8, 8)};
  std::mt19937 random(4);
  size_t rounded = 0;
  for (int round = 0; round < 16; ++round) {
    const PlanNetwork network = round % 2 == 0 ? TinyDigits() : RandomNetwork(round);
    const auto executed = DescribeExecution(network.graph, precisions);
    ASSERT_TRUE(executed.ok()) << executed.status();
    std::map<std::string, Precision> chosen;
    size_t stated = 0;
    for (const Layer& layer : network.layers.layers) {
      const Precision& precision = chosen[layer.name] = precisions[random() % precisions.size()];
      const auto of_layer = executed->find(layer.name);
      if (of_layer == executed->end() || of_layer->second.count(precision) == 0) continue;
      stated += of_layer->second.at(precision).shortcuts.size();
    }
    const auto assignment = network.Quantize(chosen);
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    const auto expected = network.RunFakeQuantized(*assignment, *executed);
    ASSERT_TRUE(expected.ok()) << expected.status();
    EXPECT_LT(RelativeError(*network.RunPlan(*assignment), *expected), kTieTolerance) << round;
    EXPECT_EQ(PlanOf(network, *assignment)->roundings().size(), stated) << round;
    rounded += stated;
  }
  EXPECT_GT(rounded, 4u);
}

TEST(InferencePlanTest, TheStatementOfALayerSaysWhatItRunsAs) {
  const PlanNetwork network = TinyDigits(1);
  const Precision w7 = Precision::Int(7, 8), w4 = Precision::Int(4, 4);
  const Precision wide = *Precision::Parse("w16a16");
  const auto executed = DescribeExecution(network.graph, {w7, w4, wide, Precision::Float32()});
  ASSERT_TRUE(executed.ok()) << executed.status();
  ASSERT_EQ(executed->size(), network.layers.layers.size());
  for (const auto& [layer, choices] : *executed) {
    EXPECT_EQ(choices.at(wide).ran_as.ToString(), "w16") << layer;
    // One layer alone reads what is added as well.
    const bool reads_shortcut = layer == "/conv3/Conv";
    EXPECT_EQ(choices.count(w7), reads_shortcut ? 1u : 0u) << layer;
    EXPECT_EQ(choices.count(w4), 0u) << layer << ": fewer bits are kept in float32";
    EXPECT_EQ(choices.count(Precision::Float32()), 0u) << layer;
  }
  const ExecutedChoice& choice = executed->at("/conv3/Conv").at(w7);
  EXPECT_EQ(choice.ran_as, w7);
  ASSERT_EQ(choice.shortcuts.size(), 1u);
  EXPECT_EQ(choice.shortcuts[0].node, "/Add");
  EXPECT_EQ(choice.shortcuts[0].value, network.layers.Find("/conv3/Conv")->src);
  EXPECT_EQ(choice.shortcuts[0].format, NumberFormat::Integer(8));
}

TEST(InferencePlanTest, TellsWhatItRoundsBesideItsLayers) {
  const PlanNetwork network = RandomNetwork();
  const auto roundings = [&](const char* precision, const PlanOptions& options) {
    const auto plan = InferencePlan::Create(
        network.graph, network.layers, *network.QuantizeAll(*Precision::Parse(precision)), options);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return std::vector<ExtraRounding>((*plan)->roundings().begin(), (*plan)->roundings().end());
  };
  const auto shortcuts = roundings("w7a8", {});
  ASSERT_FALSE(shortcuts.empty());
  for (const ExtraRounding& rounding : shortcuts) {
    EXPECT_EQ(rounding.kind, ExtraRounding::Kind::kShortcut);
    EXPECT_NE(network.layers.Find(rounding.node), nullptr) << rounding.node;
    EXPECT_FALSE(rounding.source.empty());
    EXPECT_EQ(rounding.format, "8 bits");
  }
  EXPECT_THAT(roundings("w7a8", kExact), testing::IsEmpty());
  EXPECT_THAT(roundings("f32", {}), testing::IsEmpty());
  EXPECT_THAT(roundings("w4a4", {}), testing::IsEmpty()) << "fewer bits are kept in float32";
  PlanOptions exact_sums = kExact;
  exact_sums.float32_sums = true;
  EXPECT_THAT(roundings("bf16", exact_sums), testing::IsEmpty());
  const Precision bf16 = ExecutedAs(network.layers.layers.front(), *Precision::Parse("bf16"));
  const auto sums = roundings("bf16", kExact);
  EXPECT_EQ(sums.empty(), bf16.IsFloat32()) << "no bf16 on this machine";
  for (const ExtraRounding& rounding : sums) EXPECT_EQ(rounding.kind, ExtraRounding::Kind::kSum);
}

TEST(InferencePlanTest, TellsWhoseNumbersItComputesWith) {
  const PlanNetwork network = TinyDigits(1);
  for (const auto& [asked, ran] :
       {std::pair("w8a8", "w8a8"), std::pair("w4a8", "w4a8"), std::pair("w16a16", "w16"),
        std::pair("w4", "w4"), std::pair("f32", "f32")}) {
    const auto plan = PlanOf(network, *network.QuantizeAll(*Precision::Parse(asked)));
    ASSERT_EQ(plan->ran_as().size(), network.layers.layers.size());
    for (const auto& [layer, precision] : plan->ran_as()) EXPECT_EQ(precision.ToString(), ran);
  }
}

TEST(InferencePlanTest, BFloat16IsCloseToFloat32) {
  const PlanNetwork network = RandomNetwork();
  const auto assignment = network.QuantizeAll(*Precision::Parse("bf16"));
  ASSERT_TRUE(assignment.ok()) << assignment.status();
  const auto plan = network.RunPlan(*assignment);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_LT(RelativeError(*plan, *network.RunPlan({})), 0.02);
}

int CountSteps(const InferencePlan& plan, PlanStep::Kind kind) {
  return static_cast<int>(std::count_if(plan.steps().begin(), plan.steps().end(),
                                        [&](const PlanStep& step) { return step.kind == kind; }));
}

std::set<std::string> KeysOf(const InferencePlan& plan) {
  std::set<std::string> keys;
  for (const PlanStep& step : plan.steps()) {
    if (step.kind == PlanStep::Kind::kLayer) keys.insert(step.key);
  }
  return keys;
}

TEST(InferencePlanTest, FusesActivationsAndResidualsAndStoresIntegers) {
  const PlanNetwork network = TinyDigits();
  const auto assignment = network.QuantizeAll(Precision::Int(7, 8));
  ASSERT_TRUE(assignment.ok()) << assignment.status();
  const auto plan = PlanOf(network, *assignment);
  EXPECT_EQ(CountSteps(*plan, PlanStep::Kind::kLayer), 4);
  // The input is quantized, and the pooled features before the last layer.
  EXPECT_EQ(CountSteps(*plan, PlanStep::Kind::kConversion), 2);
  EXPECT_EQ(CountSteps(*plan, PlanStep::Kind::kOther), 1);  // the pooling
  for (const PlanStep& step : plan->steps()) {
    EXPECT_THAT(step.implementation, testing::Not(HasSubstr("ref"))) << step.name;
    if (step.kind == PlanStep::Kind::kLayer) {
      EXPECT_EQ(step.executed_as, Precision::Int(8, 8)) << step.name;
    }
  }
}

// The keys of the steps of operators that are no layers, one after the other.
std::string OtherKeys(const InferencePlan& plan) {
  std::string keys;
  for (const PlanStep& step : plan.steps()) {
    if (step.kind == PlanStep::Kind::kOther) absl::StrAppend(&keys, step.key, "\n");
  }
  return keys;
}

TEST(InferencePlanTest, OperatorsBetweenLayersTakeTheirPrecision) {
  const PlanNetwork network = RandomNetwork();
  const std::string floats = OtherKeys(*PlanOf(network, {}));
  EXPECT_THAT(floats, testing::ContainsRegex("concat1 [^\n]*f32"));
  const std::string bytes = OtherKeys(*PlanOf(network, *network.QuantizeAll(Precision::Int(7, 8))));
  EXPECT_THAT(bytes, testing::ContainsRegex("concat1 [^\n]*[us]8[^\n]*[us]8"));
  EXPECT_THAT(bytes, Not(testing::ContainsRegex("concat1 [^\n]*f32")));
  const Precision bf16 = *Precision::Parse("bf16");
  const std::string kind =
      ExecutedAs(network.layers.layers.front(), bf16).ToString();  // f32 where the CPU has no bf16
  const std::string bfloats = OtherKeys(*PlanOf(network, *network.QuantizeAll(bf16)));
  EXPECT_THAT(bfloats, testing::ContainsRegex("concat1 [^\n]*" + kind + "[^\n]*" + kind));
  EXPECT_THAT(bfloats, testing::ContainsRegex("pool[^\n]*" + kind));
}

TEST(InferencePlanTest, EqualKeysForEqualWork) {
  const PlanNetwork network = TinyDigits();
  const auto w7 = KeysOf(*PlanOf(network, *network.QuantizeAll(Precision::Int(7, 8))));
  const auto w4 = KeysOf(*PlanOf(network, *network.QuantizeAll(Precision::Int(4, 8))));
  EXPECT_EQ(w7, w4);
  for (const std::string& key : KeysOf(*PlanOf(network, {}))) EXPECT_EQ(w7.count(key), 0u) << key;
}

TEST(InferencePlanTest, ADescriptionListsTheStepsOfThePlan) {
  const PlanNetwork network = RandomNetwork();
  std::map<std::string, Precision> precisions;
  for (size_t i = 0; i < network.layers.layers.size(); i += 2) {
    precisions[network.layers.layers[i].name] = Precision::Int(8, 8);
  }
  const auto assignment = network.Quantize(precisions);
  ASSERT_TRUE(assignment.ok()) << assignment.status();
  const auto plan = PlanOf(network, *assignment);
  const auto steps = DescribePlan(network.graph, network.layers, *assignment);
  ASSERT_TRUE(steps.ok()) << steps.status();
  ASSERT_EQ(steps->size(), plan->steps().size());
  for (size_t i = 0; i < steps->size(); ++i) {
    EXPECT_EQ((*steps)[i].name, plan->steps()[i].name);
    EXPECT_EQ((*steps)[i].key, plan->steps()[i].key);
    EXPECT_EQ((*steps)[i].implementation, plan->steps()[i].implementation);
  }
}

// Three rows by a matrix too large for the caches.
PlanNetwork LargeMatrix() {
  GraphMaker maker(Shape{3, 2048}, 5);
  const std::string product = maker.Node1("MatMul", {"x", maker.Weights(Shape{2048, 2048}, 0.05f)});
  const Graph graph = maker.Finish(maker.Node1("Relu", {product}));
  std::vector<float> input(size_t{3} * 2048);
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  for (float& value : input) value = normal(random);
  absl::StatusOr<PlanNetwork> network = PlanNetwork::Create(graph, 3, std::move(input));
  EXPECT_TRUE(network.ok()) << network.status();
  return *std::move(network);
}

TEST(InferencePlanTest, LargeMatricesAreDecompressedWhereAKernelDoes) {
  const PlanNetwork network = LargeMatrix();
  for (const char* const name : {"w4", "w3", "w8"}) {
    const Precision precision = *Precision::Parse(name);
    const auto assignment = network.QuantizeAll(precision);
    ASSERT_TRUE(assignment.ok()) << assignment.status();
    // The sources are rounded to bfloat16.
    EXPECT_LT(PlanError(network, *assignment, {}), 0.01) << name;
    const auto plan = PlanOf(network, *assignment);
    for (const PlanStep& step : plan->steps()) {
      if (step.kind != PlanStep::Kind::kLayer) continue;
      EXPECT_THAT(step.implementation, testing::Not(HasSubstr("ref")));
      EXPECT_EQ(step.executed_as, ExecutedAs(network.layers.layers[0], precision));
      const bool decompresses = step.executed_as.weights.IsInteger();
      EXPECT_EQ(decompresses, absl::StrContains(step.key, "weights s")) << step.key;
      if (!decompresses) continue;  // no kernel on this machine
      EXPECT_EQ(step.executed_as.weights.bits, precision.weights.bits > 4 ? 8 : 4);
    }
  }
}

TEST(InferencePlanTest, CountsStoredBytes) {
  const PlanNetwork network = TinyDigits();
  // 2,352 weights, 42 output channels, each with a bias.
  EXPECT_EQ(PlanOf(network, {})->weight_bytes(), 4 * 2352 + 4 * 42);
  EXPECT_EQ(PlanOf(network, *network.QuantizeAll(Precision::Int(4, 8)))->weight_bytes(),
            2352 / 2 + 4 * 42 + 4 * 42);
}

TEST(InferencePlanTest, RunsCanBeRepeatedAndTimed) {
  const PlanNetwork network = TinyDigits();
  const auto plan = PlanOf(network, *network.QuantizeAll(Precision::Int(8, 8)));
  auto session = InferenceSession::Create(plan);
  ASSERT_TRUE(session.ok()) << session.status();
  ASSERT_TRUE((*session)->SetInput("input", network.input).ok());
  ASSERT_TRUE((*session)->Run().ok());
  const std::vector<float> first((*session)->Output("logits")->begin(),
                                 (*session)->Output("logits")->end());
  const auto steps = (*session)->TimeSteps(3);
  ASSERT_TRUE(steps.ok()) << steps.status();
  ASSERT_EQ(steps->size(), plan->steps().size());
  for (const std::vector<double>& times : *steps) {
    ASSERT_EQ(times.size(), 3u);
    for (const double time : times) EXPECT_GT(time, 0);
  }
  EXPECT_EQ((*session)->TimeRuns(2)->size(), 2u);
  const std::vector<float> again((*session)->Output("logits")->begin(),
                                 (*session)->Output("logits")->end());
  EXPECT_EQ(first, again);
  EXPECT_EQ((*session)->TimeStep(0, 4)->size(), 4u);
}

TEST(InferencePlanTest, SessionsThatShareMemoryTakeTurns) {
  const PlanNetwork network = TinyDigits();
  const auto quantized = PlanOf(network, *network.QuantizeAll(Precision::Int(8, 8)));
  const auto plain = PlanOf(network, {});
  SharedArena arena;
  const auto outputs = [&](bool shared) {
    std::vector<std::vector<float>> all;
    for (const auto& plan : {quantized, plain, quantized}) {
      const int64_t bytes = std::max(quantized->arena_bytes(), plain->arena_bytes());
      auto session = shared ? InferenceSession::Create(plan, *arena.Reserve(bytes))
                            : InferenceSession::Create(plan);
      EXPECT_TRUE((*session)->SetInput("input", network.input).ok());
      EXPECT_TRUE((*session)->Run().ok());
      const auto logits = *(*session)->Output("logits");
      all.emplace_back(logits.begin(), logits.end());
    }
    return all;
  };
  EXPECT_EQ(outputs(true), outputs(false));
}

TEST(InferencePlanTest, ACancelledRunStops) {
  const PlanNetwork network = TinyDigits();
  auto session = InferenceSession::Create(PlanOf(network, {}));
  ASSERT_TRUE(session.ok()) << session.status();
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_EQ((*session)->Run(cancellation).code(), absl::StatusCode::kCancelled);
}

TEST(InferencePlanTest, TakesNoMoreThreadsThanTheMachineCanUse) {
  const PlanNetwork network = TinyDigits();
  const auto plan = [&](int threads) {
    return InferencePlan::Create(network.graph, network.layers, {}, {.threads = threads});
  };
  EXPECT_TRUE(plan(MostThreads()).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(plan(MostThreads() + 1).status()));
}

TEST(InferencePlanTest, NamesWhatIsWrong) {
  const PlanNetwork network = TinyDigits();
  QuantizedAssignment unknown{{"nowhere", {}}};
  EXPECT_THAT(
      std::string(InferencePlan::Create(network.graph, network.layers, unknown).status().message()),
      HasSubstr("nowhere"));
  const std::string layer = network.layers.layers[0].name;
  QuantizedAssignment missing{{layer, {Precision::Int(8, 8), nullptr, nullptr}}};
  const absl::Status status =
      InferencePlan::Create(network.graph, network.layers, missing).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(layer));
  auto session = InferenceSession::Create(PlanOf(network, {}));
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ((*session)->SetInput("input", {1.0f}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((*session)->SetInput("other", network.input).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ((*session)->Output("other").status().code(), absl::StatusCode::kNotFound);
}

TEST(InferencePlanTest, TellsWhatAPrecisionRunsAs) {
  const PlanNetwork network = TinyDigits(1);
  const Layer& layer = network.layers.layers[1];
  EXPECT_EQ(ExecutedAs(layer, *Precision::Parse("w4a8")).ToString(), "w8a8");
  EXPECT_EQ(ExecutedAs(layer, *Precision::Parse("w4a4")).ToString(), "w8a8");
  EXPECT_EQ(ExecutedAs(layer, *Precision::Parse("w16a16")).ToString(), "f32");
  EXPECT_EQ(ExecutedAs(layer, *Precision::Parse("w4")).ToString(), "f32");
  EXPECT_EQ(ExecutedAs(layer, Precision::Float32()).ToString(), "f32");
}

// Where bytes of 8 bits would saturate, float32 kernels stand for them.
TEST(InferencePlanTest, BytesRunWhereTheirSumsAreExact) {
  const PlanNetwork network = TinyDigits(1);
  const Layer& layer = network.layers.layers[1];
  const std::string isa = DescribeCpu().isa;
  const bool saturates = isa == "sse41" || isa == "avx" || isa == "avx2" || isa == "avx512_core";
  EXPECT_EQ(ExecutedAs(layer, Precision::Int(8, 8)).ToString(), saturates ? "f32" : "w8a8");
  EXPECT_EQ(ExecutedAs(layer, Precision::Int(7, 8)).ToString(), "w8a8");
  EXPECT_TRUE(RoundsSources(layer, Precision::Int(8, 8)));
  EXPECT_TRUE(RoundsSources(layer, Precision::Int(7, 8)));
  EXPECT_FALSE(RoundsSources(layer, Precision::Int(16, 16)));
}

TEST(InferencePlanTest, DescribesTheMachine) {
  SetCpuThreads(1);
  EXPECT_EQ(DescribeCpu().threads, 1);
  SetCpuThreads(0);
  const CpuDevice device = DescribeCpu();
  EXPECT_GE(device.threads, 1);
  EXPECT_THAT(device.library, testing::StartsWith("oneDNN 3."));
  EXPECT_FALSE(device.isa.empty());
  EXPECT_FALSE(device.name.empty());
}

}  // namespace
}  // namespace halftone
