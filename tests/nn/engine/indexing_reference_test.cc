#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/lower.h"
#include "nn/graph/passes.h"
#include "tests/nn/engine/run_program.h"
#include "tests/nn/graph/graph_builder.h"

// Operators that read and write where computed indices or positions say: torch's results and
// gradients (make_indexing_reference.py).
namespace halftone {
namespace {

using nlohmann::json;

const json& Reference() {
  static const json reference = json::parse(
      std::ifstream(std::string(HALFTONE_SOURCE_DIR) + "/tests/nn/engine/indexing_reference.json"));
  return reference;
}

std::vector<float> Floats(const json& numbers) { return numbers.get<std::vector<float>>(); }

GraphBuilder::Attributes AttributesOf(const json& object) {
  GraphBuilder::Attributes attributes;
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) {
      attributes[name] = value.get<std::string>();
    } else {
      attributes[name] = value.get<int64_t>();
    }
  }
  return attributes;
}

class IndexingReferenceTest : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    const json& inputs = reference_["inputs"];
    GraphBuilder builder(reference_["opset"].get<int64_t>());
    std::vector<std::string> names;
    for (size_t i = 0; i < inputs.size(); ++i) {
      names.push_back(absl::StrCat("x", i));
      const bool is_float = inputs[i]["type"] == "float";
      builder.Input(names.back(), Shape(inputs[i]["shape"].get<std::vector<int64_t>>()),
                    is_float ? DataType::kFloat32 : DataType::kInt64);
      values_[names.back()] = Floats(inputs[i]["values"]);
    }
    builder.Op(reference_["op"], names, {"y"}, AttributesOf(reference_["attributes"]));
    const Graph graph = builder.Output("y").graph();
    const auto bound = BindBatch(graph, *graph.fixed_batch());
    ASSERT_TRUE(bound.ok()) << bound.status();
    auto lowered = LowerGraph(*bound);
    ASSERT_TRUE(lowered.ok()) << lowered.status();
    lowered_ = *std::move(lowered);
  }

  const json& reference_ = Reference()[GetParam()];
  LoweredGraph lowered_;
  NamedFloats values_;
};

TEST_P(IndexingReferenceTest, ResultAndGradientsAreTorchs) {
  ProgramBuilder& builder = lowered_.builder;
  const ValueId y = lowered_.values.at("y");
  const Shape shape = builder.shape(y);
  const ValueId cotangent = builder.AddInput("cotangent", shape);
  values_["cotangent"] = Floats(reference_["cotangent"]);
  std::vector<ValueId> wrt;
  std::vector<std::pair<std::string, ValueId>> outputs = {{"y", y}};
  for (size_t i = 0; i < reference_["inputs"].size(); ++i) {
    wrt.push_back(lowered_.values.at(absl::StrCat("x", i)));
  }
  const auto gradients = AppendVjp(builder, {y}, {cotangent}, wrt);
  ASSERT_TRUE(gradients.ok()) << gradients.status();
  for (size_t i = 0; i < wrt.size(); ++i) {
    outputs.emplace_back(absl::StrCat("g", i), (*gradients)[i]);
  }
  const auto run = RunProgram(builder, outputs, values_);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_LT(RelativeError(run->at("y"), Floats(reference_["y"])), 1e-6);
  for (size_t i = 0; i < wrt.size(); ++i) {
    if (reference_["gradients"][i].is_null()) continue;
    EXPECT_LT(RelativeError(run->at(absl::StrCat("g", i)), Floats(reference_["gradients"][i])),
              1e-5)
        << "source " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Torch, IndexingReferenceTest,
                         testing::Range(size_t{0}, Reference().size()),
                         [](const testing::TestParamInfo<size_t>& info) {
                           return Reference()[info.param]["name"].get<std::string>();
                         });

}  // namespace
}  // namespace halftone
