#include "search/spec_check.h"

#include <string>

#include "base/field_path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::HasSubstr;

const Precision kInt8 = Precision::Int(8, 8), kInt4 = Precision::Int(4, 4);

// Two convolutions that are added, and a product.
NetworkSummary Network() {
  NetworkSummary network;
  network.layers = {{"a", "Conv", "tie0", 100}, {"b", "Conv", "tie0", 200}, {"c", "Gemm", "c", 50}};
  network.ties = {{{"a", "b"}, "they are added"}};
  return network;
}

struct Mistake {
  const char* field;
  const char* says;
  SearchSpec spec;
};

TEST(SpecCheckTest, WhatCannotBeKeptIsNamedBeforeAnythingIsMeasured) {
  const Mistake mistakes[] = {
      {"pins['nope']",
       "names no layer of the network, whose first is 'a'",
       {.pins = {{"nope", "w8a8"}}}},
      {"pins['a']", "w2a2, which is not among the precisions", {.pins = {{"a", "w2a2"}}}},
      {"pins", "pinned to different choices", {.pins = {{"a", "w8a8"}, {"b", "w4a4"}}}},
      {"rules.allowed['c']", "w2a2", {.rules = {.allowed = {{"c", {Precision::Int(2, 2)}}}}}},
      {"rules.groups[0]", "'zz'", {.rules = {.groups = {{"zz", "a"}}}}},
      {"rules.groups[0]", "fewer than two layers", {.rules = {.groups = {{"c", "c"}}}}},
      {"rules.first_layer", "so many bits", {.rules = {.first_layer = "99"}}},
      {"rules.last_layer",
       "no precision",
       {.rules = {.allowed = {{"c", {kInt8}}}, .last_layer = "w4a4"}}},
      {"rules.loss_factors['zz*']", "names no layer", {.rules = {.loss_factors = {{"zz*", 2}}}}},
  };
  for (const Mistake& mistake : mistakes) {
    const absl::Status status = CheckChoices(mistake.spec, Network(), {kInt8, kInt4});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << mistake.field;
    EXPECT_EQ(FieldOf(status), mistake.field);
    EXPECT_THAT(std::string(status.message()), HasSubstr(mistake.says));
  }
}

TEST(SpecCheckTest, WhatCanBeKeptPasses) {
  SearchSpec spec;
  EXPECT_EQ(CheckChoices(spec, Network(), {kInt8}), absl::OkStatus());
  spec.pins = {{"a", "w8a8"}, {"?", "w8a8"}};
  spec.rules.allowed = {{"*", {kInt8, kInt4}}};
  spec.rules.groups = {{"a", "c"}};
  spec.rules.first_layer = "8";
  spec.rules.max_changes = 0;
  spec.rules.loss_factors = {{"*", 0}, {"c", 3}};
  EXPECT_EQ(CheckChoices(spec, Network(), {kInt8, kInt4}), absl::OkStatus());
  // Only ties forbid it.
  spec.pins = {{"a", "w8a8"}, {"b", "w4a4"}};
  EXPECT_NE(CheckChoices(spec, Network(), {kInt8, kInt4}), absl::OkStatus());
  spec.use_ties = false;
  EXPECT_EQ(CheckChoices(spec, Network(), {kInt8, kInt4}), absl::OkStatus());
}

TEST(SpecCheckTest, TheProcessorHasNoEnergyCosts) {
  const auto field = [](const SearchSpec& spec) {
    const absl::Status status = CheckMetrics(spec);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return FieldOf(status);
  };
  SearchSpec spec;
  EXPECT_EQ(CheckMetrics(spec), absl::OkStatus());
  spec.budgets = {*Budget::Parse("size=0.5x"), *Budget::Parse("energy=0.5x")};
  EXPECT_EQ(field(spec), "budgets[1]");
  EXPECT_EQ(field({.frontier = Metric::kEnergy}), "frontier_metric");
  EXPECT_EQ(field({.objectives = {Metric::kSize, Metric::kEnergy}}), "objectives[1]");
  spec.target = "bitfusion";
  EXPECT_EQ(CheckMetrics(spec), absl::OkStatus());
  spec.frontier = Metric::kActivationMemory;
  EXPECT_EQ(field(spec), "frontier_metric");
}

}  // namespace
}  // namespace halftone
