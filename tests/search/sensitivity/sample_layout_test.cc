#include "search/sensitivity/sample_layout.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/executor.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::Ints;
using testing::NetworkBuilder;
using testing::Subject;

// [outer, inner], or nothing.
using Found = std::optional<std::pair<int64_t, int64_t>>;

Found LayoutOf(const Subject& subject, const std::string& value, int64_t batch = 8) {
  const absl::StatusOr<SampleLayouts> layouts = FindSampleLayouts(
      subject.network, subject.data, subject.network.BatchFor(batch, subject.data.samples()),
      PreparedNetwork::BatchNorm::kFolded, {value}, Cancellation());
  EXPECT_TRUE(layouts.ok()) << layouts.status();
  if (!layouts.ok() || !layouts->at(0).has_value()) return std::nullopt;
  return std::make_pair(layouts->at(0)->outer, layouts->at(0)->inner);
}

// [samples, 3 tokens, 4] turned and merged in all ways; some values depend on no sample, and
// "mixed" on all of them.
NetworkBuilder TurnedTokens(int64_t batch) {
  NetworkBuilder builder;
  builder.Input("x", Shape{batch, 3, 4})
      .Output("y")
      .Ints("rows", {-1, 4})
      .Ints("heads", {3, -1, 2})
      .Op("MatMul", {"x", "v"}, {"h"})
      .Op("Reshape", {"h", "rows"}, {"samples_first"})
      .Op("Transpose", {"h"}, {"turned"}, {{"perm", Ints{1, 0, 2}}})
      .Op("Reshape", {"turned", "rows"}, {"tokens_first"})
      .Op("Reshape", {"turned", "heads"}, {"heads_last"})
      .Op("Transpose", {"heads_last"}, {"heads_first"}, {{"perm", Ints{1, 0, 2}}})
      .Op("Transpose", {"tokens_first"}, {"features_first"}, {{"perm", Ints{1, 0}}})
      .Op("Mul", {"tokens_first", "zero"}, {"unmoved"})
      .Op("ReduceMean", {"tokens_first"}, {"mean"}, {{"axes", Ints{0}}})
      .Op("Add", {"tokens_first", "mean"}, {"mixed"})
      .Op("MatMul", {"x", "w"}, {"m"})
      .Op("ReduceMean", {"m"}, {"y"}, {{"axes", Ints{1}}, {"keepdims", int64_t{0}}})
      .Float("zero", 0);
  builder.Weights("w", Shape{4, 5});
  builder.Weights("v", Shape{4, 4}, 1);
  // All are read, so that none is left out.
  for (const char* value : {"samples_first", "heads_first", "features_first", "unmoved", "mixed"}) {
    const std::string read = absl::StrCat(value, "_read");
    builder.Op("Abs", {value}, {read}).Output(read);
  }
  return builder;
}

Subject Turned(int64_t batch) { return TurnedTokens(batch).Make(Shape{3, 4}, 5, 6); }

class SampleLayoutTest : public ::testing::TestWithParam<int64_t> {};

TEST_P(SampleLayoutTest, IsFoundWhereverTheSamplesLie) {
  const Subject subject = Turned(GetParam());
  EXPECT_EQ(LayoutOf(subject, "x"), Found({1, 12}));
  EXPECT_EQ(LayoutOf(subject, "m"), Found({1, 15}));
  EXPECT_EQ(LayoutOf(subject, "samples_first"), Found({1, 12}));
  EXPECT_EQ(LayoutOf(subject, "turned"), Found({3, 4}));
  EXPECT_EQ(LayoutOf(subject, "tokens_first"), Found({3, 4}));
  EXPECT_EQ(LayoutOf(subject, "heads_last"), Found({3, 4}));
  EXPECT_EQ(LayoutOf(subject, "heads_first"), Found({1, 12}));
  EXPECT_EQ(LayoutOf(subject, "features_first"), Found({12, 1}));
}

TEST_P(SampleLayoutTest, IsNotMadeUp) {
  const Subject subject = Turned(GetParam());
  EXPECT_EQ(LayoutOf(subject, "unmoved"), std::nullopt) << "nothing shows where the samples are";
  EXPECT_EQ(LayoutOf(subject, "mixed"), std::nullopt) << "every element is of every sample";
  EXPECT_EQ(LayoutOf(subject, "mean"), std::nullopt);
  EXPECT_EQ(LayoutOf(subject, "no such value"), std::nullopt);
}

// As many samples as tokens, and as features.
INSTANTIATE_TEST_SUITE_P(Batches, SampleLayoutTest,
                         ::testing::Values(Shape::kDynamic, int64_t{2}, int64_t{3}, int64_t{4}),
                         [](const auto& info) {
                           return info.param < 0 ? std::string("any") : std::to_string(info.param);
                         });

TEST(SampleLayoutTest, OfOneSampleIsAllOfIt) {
  EXPECT_EQ(LayoutOf(Turned(Shape::kDynamic), "tokens_first", 1), Found({1, 12}));
  EXPECT_EQ(LayoutOf(Turned(1), "unmoved"), Found({1, 12}));
}

TEST(PutSamplesFirstTest, BringsTheElementsOfEachSampleTogether) {
  ProgramBuilder builder;
  const ValueId value = builder.AddInput("x", Shape{2, 6, 2});
  const absl::StatusOr<ValueId> apart = PutSamplesFirst(builder, value, SampleLayout{4, 2}, 3);
  ASSERT_TRUE(apart.ok()) << apart.status();
  const auto executable = Executable::Compile(builder.Build({{"y", *apart}}));
  ASSERT_TRUE(executable.ok()) << executable.status();
  const auto session = Session::Create(*executable);
  ASSERT_TRUE(session.ok()) << session.status();
  std::vector<float> numbers(24);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  ASSERT_TRUE((*session)->SetInput("x", numbers).ok());
  ASSERT_TRUE((*session)->Run(Cancellation()).ok());
  EXPECT_THAT(*(*session)->Output("y"), ::testing::ElementsAre(0, 1, 6, 7, 12, 13, 18, 19,  //
                                                               2, 3, 8, 9, 14, 15, 20, 21,  //
                                                               4, 5, 10, 11, 16, 17, 22, 23));
}

TEST(PutSamplesFirstTest, RefusesWhatCannotBeToldApart) {
  ProgramBuilder builder;
  const ValueId value = builder.AddInput("x", Shape{6, 2});
  EXPECT_TRUE(absl::IsUnimplemented(PutSamplesFirst(builder, value, std::nullopt, 3).status()));
  EXPECT_TRUE(
      absl::IsUnimplemented(PutSamplesFirst(builder, value, SampleLayout{1, 2}, 3).status()));
  EXPECT_TRUE(PutSamplesFirst(builder, value, std::nullopt, 1).ok());
}

}  // namespace
}  // namespace halftone
