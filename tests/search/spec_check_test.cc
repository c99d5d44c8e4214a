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
      {"pins['a']",
       "w2a2, which is not among the precisions: w8a8, w4a4",
       {.pins = {{"a", "w2a2"}}}},
      {"pins", "pinned to different choices", {.pins = {{"a", "w8a8"}, {"b", "w4a4"}}}},
      {"rules.allowed['c']", "w2a2", {.rules = {.allowed = {{"c", {Precision::Int(2, 2)}}}}}},
      {"rules.groups[0]", "'zz'", {.rules = {.groups = {{"zz", "a"}}}}},
      {"rules.groups[0]", "fewer than two layers", {.rules = {.groups = {{"c", "c"}}}}},
      {"rules.first_layer",
       "so many bits is offered, the most is 8",
       {.rules = {.first_layer = "99"}}},
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

// They have a loss for weights with the activations that go with them, not for activations.
TEST(SpecCheckTest, MethodsOfWeightsTakeOneActivationsForEachWeights) {
  SearchSpec spec;
  spec.sensitivity.method = SensitivityMethod::kHawqV3;
  EXPECT_EQ(CheckChoices(spec, Network(), {kInt8, kInt4}), absl::OkStatus());
  const std::vector<Precision> both = {kInt8, kInt4, Precision::Int(4, 8)};
  const absl::Status status = CheckChoices(spec, Network(), both);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldOf(status), "sensitivity.method");
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot tell w4a4 from w4a8"));
  spec.sensitivity.method = SensitivityMethod::kFisherCorrected;
  EXPECT_EQ(CheckChoices(spec, Network(), both), absl::OkStatus());
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

// Of what a target costs, only whether that has energy.
class Costs final : public CostProfiler {
 public:
  explicit Costs(bool tells_energy) : tells_energy_(tells_energy) {}
  std::string target() const override { return "board"; }
  DeviceInfo Describe() const override { return {}; }
  bool Supports(const Precision&) const override { return true; }
  bool TellsEnergy() const override { return tells_energy_; }
  absl::StatusOr<CostTable> Profile(const ProfileRequest&, const Progress&) override {
    return absl::UnimplementedError("nothing is profiled here");
  }

 private:
  const bool tells_energy_;
};

TEST(SpecCheckTest, MetricsWithoutCostsAreRefused) {
  const Costs without(false), with(true);
  const auto field = [](const SearchSpec& spec, const CostProfiler& costs) {
    const absl::Status status = CheckMetrics(spec, &costs);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return FieldOf(status);
  };
  SearchSpec spec;
  EXPECT_EQ(CheckMetrics(spec, &without), absl::OkStatus());
  spec.budgets = {*Budget::Parse("size=0.5x"), *Budget::Parse("energy=0.5x")};
  EXPECT_EQ(field(spec, without), "budgets[1]");
  EXPECT_EQ(field({.frontier = Metric::kEnergy}, without), "frontier_metric");
  EXPECT_EQ(field({.objectives = {Metric::kSize, Metric::kEnergy}}, without), "objectives[1]");
  EXPECT_EQ(CheckMetrics(spec, &with), absl::OkStatus());
  EXPECT_EQ(CheckMetrics(spec, nullptr), absl::OkStatus());
  spec.frontier = Metric::kActivationMemory;
  EXPECT_EQ(field(spec, with), "frontier_metric");
}

}  // namespace
}  // namespace halftone
