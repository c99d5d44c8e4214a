#include "search/sensitivity/derivative_ends.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/search/sensitivity/small_networks.h"

// Networks in which derivatives end: which layers see nothing of the outputs then, and what is
// said.
namespace halftone {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Measure;
using testing::NetworkBuilder;
using testing::Subject;

// The layer h, something of it, `inside`, that writes e [N, 5], and beside it the layer k.
template <typename Inside>
Subject Beside(const Inside& inside) {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 8}).Output("y");
  builder.Op("Gemm", {"x", "w1"}, {"h"}).Op("Gemm", {"x", "w2"}, {"k"});
  builder.Weights("w1", Shape{8, 5}, 1).Weights("w2", Shape{8, 5}, 1);
  inside(builder);
  builder.Op("Add", {"e", "k"}, {"sum"}).Op("Gemm", {"sum", "w3"}, {"y"});
  builder.Weights("w3", Shape{5, 4}, 2);
  return builder.Make(Shape{8}, 4);
}

// The row of a table that the largest element of h names.
Subject Looked() {
  return Beside([](NetworkBuilder& builder) {
    builder.Op("ArgMax", {"h"}, {"ids"}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}});
    builder.Weights("table", Shape{5, 5}, 1).Op("Gather", {"table", "ids"}, {"e"});
  });
}

DerivativeEnds EndsOf(const Subject& subject) {
  const Graph graph = subject.network.Bind(1).value();
  const auto heads = ResolveHeads(subject.network, graph, LossKind::kAuto);
  const auto ends = FindDerivativeEnds(subject.network, heads.value());
  EXPECT_TRUE(ends.ok()) << ends.status();
  return ends.value();
}

TEST(DerivativeEndsTest, PositionsEndThem) {
  const DerivativeEnds ends = EndsOf(Looked());
  EXPECT_THAT(ends.nodes, ElementsAre("'ids' (ArgMax)"));
  EXPECT_THAT(ends.of_layers, ElementsAre("'ids' (ArgMax)", "", "", "")) << "the second: the table";
}

TEST(DerivativeEndsTest, ConversionsToIntegersEndThem) {
  const DerivativeEnds ends = EndsOf(Beside([](NetworkBuilder& builder) {
    builder.Op("Cast", {"h"}, {"whole"}, {{"to", int64_t{7}}});
    builder.Op("Cast", {"whole"}, {"e"}, {{"to", int64_t{1}}});
  }));
  EXPECT_THAT(ends.nodes, ElementsAre("'whole' (Cast)"));
  EXPECT_THAT(ends.of_layers, ElementsAre("'whole' (Cast)", "", ""));
}

TEST(DerivativeEndsTest, AnotherWayIsEnough) {
  const DerivativeEnds ends = EndsOf(Beside([](NetworkBuilder& builder) {
    builder.Op("Round", {"h"}, {"r"}).Op("Add", {"r", "h"}, {"e"});
  }));
  EXPECT_THAT(ends.nodes, ElementsAre("'r' (Round)"));
  EXPECT_THAT(ends.of_layers, ElementsAre("", "", ""));
}

TEST(DerivativeEndsTest, WhatIsSortedHasThemButNotWhereItWas) {
  const auto sorted = [](const char* what) {
    return EndsOf(Beside([&](NetworkBuilder& builder) {
      builder.Ints("five", {5}).Op("TopK", {"h", "five"}, {"values", "places"});
      builder.Op("Cast", {what}, {"e"}, {{"to", int64_t{1}}});
    }));
  };
  EXPECT_THAT(sorted("values").nodes, IsEmpty());
  EXPECT_THAT(sorted("places").of_layers, ElementsAre("'values' (TopK)", "", ""));
}

TEST(DerivativeEndsTest, ConditionsAndRectifiersDoNotEndThem) {
  const DerivativeEnds ends = EndsOf(Beside([](NetworkBuilder& builder) {
    builder.Float("zero", 0).Op("Greater", {"h", "zero"}, {"is_positive"});
    builder.Op("Where", {"is_positive", "h", "zero"}, {"e"});
  }));
  EXPECT_THAT(ends.nodes, IsEmpty());
  EXPECT_THAT(ends.of_layers, ElementsAre("", "", ""));
}

// In 8 bits, and in so few that another row is named.
absl::StatusOr<SensitivityResult> MeasureInFewBits(const Subject& subject,
                                                   const SensitivityOptions& options) {
  const std::vector<Precision> precisions = {Precision::Int(8, 8), Precision::Int(2, 2)};
  const auto calibration = Calibrate(subject.network, subject.data, precisions, {}, {});
  if (!calibration.ok()) return calibration.status();
  return MeasureSensitivity(subject.network, subject.data, *calibration, precisions, options, {});
}

class EndedLayerTest : public ::testing::TestWithParam<SensitivityMethod> {};

TEST_P(EndedLayerTest, IsMeasuredByTheErrorOfTheOutput) {
  const Subject subject = Looked();
  SensitivityOptions options;
  options.method = GetParam();
  options.interactions = HasInteractions(GetParam());
  options.resamples = 3;
  const SensitivityResult result = MeasureInFewBits(subject, options).value();
  options.method = SensitivityMethod::kOutput;
  options.interactions = false;
  const SensitivityResult output = MeasureInFewBits(subject, options).value();
  EXPECT_THAT(output.warnings, IsEmpty());
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("end at 'ids' (ArgMax)")));
  EXPECT_THAT(result.layers[0].note, AllOf(HasSubstr("'ids' (ArgMax)"), HasSubstr("measured")));
  EXPECT_THAT(result.layers[1].note, IsEmpty());
  for (size_t o = 0; o < result.layers[0].choices.size(); ++o) {
    const ChoiceLoss& choice = result.layers[0].choices[o];
    EXPECT_TRUE(choice.measured && choice.is_known);
    EXPECT_EQ(choice.loss, output.layers[0].choices[o].loss);
    EXPECT_EQ(choice.loss_stderr, output.layers[0].choices[o].loss_stderr);
    for (size_t r = 0; r < 3; ++r) {
      EXPECT_EQ(result.resampled_losses[r][o], output.resampled_losses[r][o]);
    }
    if (result.interactions.empty()) continue;
    const size_t columns = result.layers.size() * result.layers[0].choices.size();
    EXPECT_EQ(result.interactions[o * (columns + 1)], 2 * choice.loss);
  }
  EXPECT_GT(result.layers[0].choices[1].loss, 0);
  EXPECT_GT(result.layers[1].choices[1].loss, 0);
  const absl::StatusOr<SensitivityResult> read = SensitivityFromJson(SensitivityToJson(result));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->warnings, result.warnings);
}

INSTANTIATE_TEST_SUITE_P(Methods, EndedLayerTest,
                         ::testing::Values(SensitivityMethod::kFisher,
                                           SensitivityMethod::kFisherElementwise,
                                           SensitivityMethod::kFisherCorrected),
                         [](const auto& info) { return testing::NameOfMethodTest(info.param); });

TEST(EndedLayersTest, MethodsOfTheHessianSayThatTheyDoNotKnow) {
  SensitivityOptions options;
  for (const auto method :
       {SensitivityMethod::kHessianTrace, SensitivityMethod::kHessianTraceExact,
        SensitivityMethod::kHessianEigenvalue, SensitivityMethod::kHessianForm}) {
    options.method = method;
    const SensitivityResult result = Measure(Looked(), options).value();
    EXPECT_THAT(result.layers[0].note, HasSubstr("says nothing of it"));
    EXPECT_FALSE(result.layers[0].choices[0].is_known);
    EXPECT_TRUE(result.layers[1].choices[0].is_known);
    EXPECT_THAT(result.layers[1].note, IsEmpty());
  }
}

}  // namespace
}  // namespace halftone
