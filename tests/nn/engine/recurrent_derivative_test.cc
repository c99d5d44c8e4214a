// Gradients and Hessian-vector products through time against central differences.
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops.h"
#include "nn/graph/passes.h"
#include "tests/nn/engine/recurrent_cases.h"
#include "tests/nn/engine/run_program.h"

namespace halftone {
namespace {

constexpr float kStep = 1e-2f;

std::vector<RecurrentCase> Cases() {
  std::vector<RecurrentCase> cases;
  for (const auto& some : {RnnCases(), GruCases(), LstmCases()}) {
    for (const RecurrentCase& each : some) {
      const bool is_wanted = each.name.find("Bidirectional") != std::string::npos &&
                             (each.name.find("ComputedLengths") != std::string::npos ||
                              each.name.find("Alike") != std::string::npos);
      if (is_wanted) cases.push_back(each);
    }
  }
  return cases;
}

class RecurrentDerivativeTest : public testing::TestWithParam<RecurrentCase> {
 protected:
  void SetUp() override {
    RecurrentCase each = GetParam();
    each.results = {"y"};
    FillNumbers(each);
    RecurrentGraph made = MakeRecurrentGraph(each);
    inputs_ = std::move(made.inputs);
    const auto bound = BindBatch(made.graph, made.graph.fixed_batch().value());
    ASSERT_TRUE(bound.ok()) << bound.status();
    graph_ = *bound;
    std::mt19937 random(11);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (const auto& [name, tensor] : graph_.initializers) {
      const bool is_parameter =
          name[0] == 'w' || name[0] == 'r' || name[0] == 'b' || name[0] == 'p';
      if (!is_parameter) continue;
      std::vector<float>& direction = directions_[name];
      for (int64_t i = 0; i < tensor.elements(); ++i) direction.push_back(uniform(random));
    }
    ASSERT_GE(directions_.size(), 6u);
  }

  // The loss, half the sum of the squares of y, and its gradients, at the parameters plus `step` of
  // the directions; with Hessian-vector products along these as "product/<name>".
  NamedFloats Derivatives(float step) const {
    Graph graph = graph_;
    for (const auto& [name, direction] : directions_) {
      const absl::Span<const float> at = graph.initializers.at(name).data<float>();
      std::vector<float> moved(at.begin(), at.end());
      for (size_t i = 0; i < moved.size(); ++i) moved[i] += step * direction[i];
      graph.initializers.insert_or_assign(
          name, Tensor::Of(graph.initializers.at(name).shape(), std::move(moved)));
    }
    LoweredGraph lowered = LowerGraph(graph).value();
    ProgramBuilder& builder = lowered.builder;
    const ValueId y = lowered.values.at("y");
    const ValueId squares = ops::Mul(builder, y, y).value();
    const ValueId loss = ops::Scale(builder, ops::SumAll(builder, squares).value(), 0.5f).value();
    std::vector<ValueId> parameters, along;
    NamedFloats inputs = inputs_;
    for (const auto& [name, direction] : directions_) {
      parameters.push_back(lowered.values.at(name));
      const std::string input = absl::StrCat("along/", name);
      along.push_back(builder.AddInput(input, builder.shape(parameters.back())));
      inputs[input] = direction;
    }
    const std::vector<ValueId> gradients =
        AppendVjp(builder, {loss}, {builder.AddScalar(1.0f)}, parameters).value();
    const std::vector<ValueId> products = AppendVjp(builder, gradients, along, parameters).value();
    std::vector<std::pair<std::string, ValueId>> outputs = {{"loss", loss}};
    size_t i = 0;
    for (const auto& [name, direction] : directions_) {
      outputs.emplace_back(absl::StrCat("gradient/", name), gradients[i]);
      outputs.emplace_back(absl::StrCat("product/", name), products[i++]);
    }
    const auto run = RunProgram(builder, outputs, inputs);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *run : NamedFloats();
  }

  Graph graph_;
  NamedFloats inputs_;
  NamedFloats directions_;  // by the names of weights and biases
};

TEST_P(RecurrentDerivativeTest, AgreeWithCentralDifferences) {
  const NamedFloats here = Derivatives(0), after = Derivatives(kStep), before = Derivatives(-kStep);
  ASSERT_FALSE(here.empty() || after.empty() || before.empty());
  double slope = 0;
  for (const auto& [name, direction] : directions_) {
    slope += Dot(here.at("gradient/" + name), direction);
  }
  const double difference =
      (static_cast<double>(after.at("loss")[0]) - before.at("loss")[0]) / (2 * kStep);
  EXPECT_NEAR(slope, difference, 2e-3 * (1 + std::abs(slope)));
  for (const auto& [name, direction] : directions_) {
    std::vector<float> change = after.at("gradient/" + name);
    const std::vector<float>& start = before.at("gradient/" + name);
    for (size_t i = 0; i < change.size(); ++i) change[i] = (change[i] - start[i]) / (2 * kStep);
    EXPECT_LT(RelativeError(here.at("product/" + name), change), 1e-2) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, RecurrentDerivativeTest, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace halftone
