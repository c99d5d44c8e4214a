// What data and users say of inputs that a model leaves open.
#include "nn/data/resolve_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "nn/data/inputs_identity.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
constexpr int64_t kN = Shape::kDynamic;

Graph GraphOf(std::vector<Port> inputs) {
  Graph graph;
  graph.inputs = std::move(inputs);
  return graph;
}

Port Images() { return {"x", {DataType::kFloat32, {kN, 3, kN, kN}}, {"N", "", "H", "W"}}; }

Dataset DataOf(const std::map<std::string, Shape>& shapes) {
  std::map<std::string, Tensor> arrays;
  for (const auto& [name, shape] : shapes) {
    arrays.emplace(name, Tensor::Of<float>(
                             shape, std::vector<float>(static_cast<size_t>(shape.Elements()), 2)));
  }
  const absl::StatusOr<Dataset> data = Dataset::Create(arrays);
  EXPECT_TRUE(data.ok()) << data.status();
  return *data;
}

Graph Resolve(const Graph& graph, const InputBinding& binding, const Dataset* data = nullptr) {
  absl::StatusOr<Graph> resolved = ResolveInputs(graph, binding, data);
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return resolved.ok() ? *std::move(resolved) : Graph();
}

void ExpectInvalid(const absl::Status& status, const std::string& message) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}

TEST(ResolveInputs, LeavesWhatTheFileSays) {
  const Graph graph = GraphOf({{"x", {DataType::kFloat32, {kN, 4}}}});
  const Dataset data = DataOf({{"x", {9, 4}}});
  const Graph resolved = Resolve(graph, {}, &data);
  EXPECT_EQ(resolved.inputs[0].info.shape, (Shape{kN, 4}));
  EXPECT_EQ(resolved.fixed_batch(), std::nullopt);
  EXPECT_EQ(InputsIdentity(graph, resolved), "");
}

TEST(ResolveInputs, TakesSizesFromTheData) {
  const Graph graph = GraphOf({Images()});
  const Dataset data = DataOf({{"x", {2, 3, 16, 24}}});
  const Graph resolved = Resolve(graph, {}, &data);
  EXPECT_EQ(resolved.inputs[0].info.shape, (Shape{kN, 3, 16, 24}));
  EXPECT_EQ(resolved.values.at("x").shape, (Shape{kN, 3, 16, 24}));
  const Dataset other = DataOf({{"x", {5, 3, 8, 8}}});
  EXPECT_NE(InputsIdentity(graph, resolved), "");
  EXPECT_NE(InputsIdentity(graph, resolved), InputsIdentity(graph, Resolve(graph, {}, &other)));
}

TEST(ResolveInputs, WhatIsSaidComesBeforeTheData) {
  InputBinding binding;
  binding.axes = {{"H", 32}, {"W", 40}};
  EXPECT_EQ(Resolve(GraphOf({Images()}), binding).inputs[0].info.shape, (Shape{kN, 3, 32, 40}));
  binding.axes.clear();
  binding.shapes["x"] = {1, 3, 8, 9};
  EXPECT_EQ(Resolve(GraphOf({Images()}), binding).inputs[0].info.shape, (Shape{kN, 3, 8, 9}))
      << "a batch of one is that of one sample that is shown";
  binding.shapes["x"] = {4, 3, 8, 9};
  EXPECT_EQ(Resolve(GraphOf({Images()}), binding).fixed_batch(), 4);
  const Dataset data = DataOf({{"x", {2, 3, 16, 24}}});
  binding.shapes["x"] = {kN, 3, 16, kN};
  EXPECT_EQ(Resolve(GraphOf({Images()}), binding, &data).inputs[0].info.shape,
            (Shape{kN, 3, 16, 24}));
}

TEST(ResolveInputs, AxesOfOneNameAreOne) {
  const Port ids{"ids", {DataType::kInt64, {kN, kN}}, {"batch", "length"}};
  const Port mask{"mask", {DataType::kInt64, {kN, kN}}, {"batch", "length"}};
  InputBinding binding;
  binding.shapes["ids"] = {kN, 12};
  const Graph resolved = Resolve(GraphOf({ids, mask}), binding);
  EXPECT_EQ(resolved.inputs[1].info.shape, (Shape{kN, 12}));
  const Dataset data = DataOf({{"ids", {3, 12}}, {"mask", {3, 13}}});
  ExpectInvalid(ResolveInputs(GraphOf({ids, mask}), {}, &data).status(),
                "input 'mask': axis 1 ('length') is 12 by array 'ids', and 13 by array 'mask'");
}

TEST(ResolveInputs, NamesAllThatIsOpen) {
  const absl::Status status = ResolveInputs(GraphOf({Images()}), {}, nullptr).status();
  ExpectInvalid(status, "input 'x': axis 2 ('H'), input 'x': axis 3 ('W'): no size is known");
  ExpectInvalid(status, "--dim NAME=320");
  const auto partly = ResolveWherePossible(GraphOf({Images()}), {.axes = {{"W", 5}}}, nullptr);
  ASSERT_TRUE(partly.ok()) << partly.status();
  const std::vector<OpenAxis> open = FindOpenAxes(*partly);
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].name, "H");
}

TEST(ResolveInputs, ConstantsBecomeInitializers) {
  const Graph graph = GraphOf({{"x", {DataType::kFloat32, {kN, 4}}},
                               {"rate", {DataType::kInt64, {}}},
                               {"scales", {DataType::kFloat32, {3}}}});
  InputBinding binding;
  binding.constants = {{"rate", {16000}}, {"scales", {0.5}}};
  const Graph resolved = Resolve(graph, binding);
  ASSERT_EQ(resolved.inputs.size(), 1u);
  EXPECT_THAT(*resolved.initializers.at("rate").ToInts(), ElementsAre(16000));
  EXPECT_THAT(*resolved.initializers.at("scales").ToFloats(), ElementsAre(0.5f, 0.5f, 0.5f));
  EXPECT_EQ(resolved.fixed_batch(), std::nullopt);
  InputBinding other = binding;
  other.constants["rate"] = {8000};
  EXPECT_NE(InputsIdentity(graph, resolved), InputsIdentity(graph, Resolve(graph, other)));
  binding.constants["scales"] = {1, 2};
  ExpectInvalid(ResolveInputs(graph, binding, nullptr).status(),
                "constant input 'scales': 2 values for shape [3]");
  binding.constants = {{"rate", {0.5}}, {"scales", {1}}};
  ExpectInvalid(ResolveInputs(graph, binding, nullptr).status(), "0.5 is no int64");
}

TEST(ResolveInputs, AnArrayWithoutAxesIsAConstant) {
  const Graph graph =
      GraphOf({{"x", {DataType::kFloat32, {kN, 4}}}, {"t", {DataType::kFloat32, {}}}});
  const Dataset data = DataOf({{"x", {9, 4}}, {"t", {}}});
  const Graph resolved = Resolve(graph, {}, &data);
  ASSERT_EQ(resolved.inputs.size(), 1u);
  EXPECT_THAT(*resolved.initializers.at("t").ToFloats(), ElementsAre(2));
  EXPECT_TRUE(data.CheckFits(resolved, 0).ok());
  auto changed = Dataset::Create({{"x", data.inputs().at("x")}, {"t", Tensor::Scalar<float>(3)}});
  ExpectInvalid(changed->CheckFits(resolved, 0), "array 't' is 3, another constant");
}

// Neither data nor a constant says what it is: it has no axis to look for.
TEST(ResolveInputs, AScalarThatNothingIsSaidOfStaysOne) {
  const Graph graph = GraphOf(
      {{"x", {DataType::kFloat32, {kN, 4}}, {"batch", ""}}, {"rate", {DataType::kInt64, {}}}});
  const absl::StatusOr<Graph> resolved = ResolveWherePossible(graph, {}, nullptr);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->inputs[1].info.shape, Shape{});
  const Dataset data = DataOf({{"x", {9, 4}}});
  EXPECT_TRUE(ResolveWherePossible(graph, {}, &data).ok());
}

TEST(ResolveInputs, FindsTheSampleAxisByItsName) {
  const Graph graph = GraphOf({{"x", {DataType::kFloat32, {kN, 512}}, {"batch", ""}},
                               {"state", {DataType::kFloat32, {2, kN, 128}}, {"", "batch", ""}}});
  const Dataset data = DataOf({{"x", {9, 512}}, {"state", {9, 2, 128}}});
  const Graph resolved = Resolve(graph, {}, &data);
  EXPECT_EQ(resolved.inputs[1].sample_axis, 1);
  EXPECT_EQ(resolved.inputs[1].info.shape, (Shape{2, kN, 128}));
  EXPECT_EQ(resolved.fixed_batch(), std::nullopt);
}

TEST(ResolveInputs, TakesTheSampleAxisThatIsSaid) {
  const Graph graph = GraphOf(
      {{"x", {DataType::kFloat32, {kN, 512}}}, {"state", {DataType::kFloat32, {2, kN, 128}}}});
  InputBinding binding;
  binding.sample_axes["state"] = 1;
  EXPECT_EQ(Resolve(graph, binding).inputs[1].sample_axis, 1);
  binding.sample_axes["state"] = 3;
  ExpectInvalid(ResolveInputs(graph, binding, nullptr).status(),
                "input 'state' of shape [2, N, 128] has no axis 3");
}

TEST(ResolveInputs, AWholeValueOfASampleMeansOneSampleAPass) {
  const Graph graph = GraphOf({{"nodes", {DataType::kFloat32, {kN, 6}}, {"count", ""}},
                               {"edges", {DataType::kInt64, {2, kN}}, {"", "links"}}});
  const Dataset data = DataOf({{"nodes", {9, 20, 6}}, {"edges", {9, 2, 50}}});
  const Graph resolved = Resolve(graph, {}, &data);
  EXPECT_EQ(resolved.inputs[0].info.shape, (Shape{20, 6}));
  EXPECT_EQ(resolved.inputs[1].info.shape, (Shape{2, 50}));
  EXPECT_EQ(resolved.inputs[0].sample_axis, std::nullopt);
  EXPECT_EQ(resolved.fixed_batch(), 1);
  EXPECT_THAT(FindOpenAxes(resolved), IsEmpty());
}

TEST(ResolveInputs, AScalarForEachSampleFixesTheBatch) {
  const Graph graph =
      GraphOf({{"x", {DataType::kFloat32, {kN, 4}}}, {"t", {DataType::kFloat32, {}}}});
  const Dataset data = DataOf({{"x", {9, 4}}, {"t", {9}}});
  const Graph resolved = Resolve(graph, {}, &data);
  EXPECT_EQ(resolved.fixed_batch(), 1);
  EXPECT_EQ(resolved.inputs[0].info.shape, (Shape{1, 4}));
}

TEST(ResolveInputs, RefusesWhatTheModelDoesNotHave) {
  const Graph graph = GraphOf({Images()});
  ExpectInvalid(ResolveInputs(graph, {.shapes = {{"y", {1}}}}, nullptr).status(),
                "a shape of 'y': the model has no such input; it has x");
  ExpectInvalid(ResolveInputs(graph, {.axes = {{"D", 1}}}, nullptr).status(),
                "a size of 'D': the model has no such symbolic axis; it has H, N, W");
  ExpectInvalid(ResolveInputs(graph, {.shapes = {{"x", {1, 3}}}}, nullptr).status(),
                "input 'x': a shape of [1, 3], the model has [N, 3, N, N]");
  ExpectInvalid(ResolveInputs(graph, {.shapes = {{"x", {1, 4, 8, 8}}}}, nullptr).status(),
                "axis 1 is 3, and 4 by what is said of its shape");
}

}  // namespace
}  // namespace halftone
