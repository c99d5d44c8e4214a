#ifndef HALFTONE_TESTS_SEARCH_SENSITIVITY_SMALL_NETWORKS_H_
#define HALFTONE_TESTS_SEARCH_SENSITIVITY_SMALL_NETWORKS_H_

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "nn/data/dataset.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/nn/graph/graph_builder.h"
#include "tests/search/sensitivity/digits.h"

// Untrained networks of few weights, one for each way in which layers read their sources, with
// random data and labels.
namespace halftone::testing {

struct Subject {
  PreparedNetwork network;
  Dataset data;
};

inline const std::vector<Precision>& WeightPrecisions() {
  static const auto* precisions =
      new std::vector<Precision>{Precision::Int(8, 8), Precision::Int(4, 8)};
  return *precisions;
}

// What tests of a method are called by: its name without hyphens.
inline std::string NameOfMethodTest(SensitivityMethod method) {
  std::string name(SensitivityMethodName(method));
  std::erase(name, '-');
  return name;
}

inline absl::StatusOr<SensitivityResult> Measure(const Subject& subject,
                                                 const SensitivityOptions& options) {
  const absl::StatusOr<Calibration> calibration =
      Calibrate(subject.network, subject.data, WeightPrecisions(), {}, {});
  if (!calibration.ok()) return calibration.status();
  return MeasureSensitivity(subject.network, subject.data, *calibration, WeightPrecisions(),
                            options, {});
}

// What torch computed on the first 256 samples of tiny-digits, with labels.
inline nlohmann::json DigitsReference(const std::string& variant) {
  const absl::StatusOr<std::string> bytes = ReadFile(DigitsPath("hessian_" + variant + ".json"));
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return nlohmann::json::parse(bytes.value_or("{}"));
}

inline std::vector<float> RandomFloats(int64_t count, uint64_t seed, double scale = 1) {
  SplitMix64 random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(scale * (2 * random.Uniform() - 1));
  return values;
}

// A GraphBuilder with random weights.
class NetworkBuilder : public GraphBuilder {
 public:
  NetworkBuilder& Weights(const std::string& name, Shape shape, double scale = 0.6) {
    const int64_t elements = shape.Elements();
    Floats(name, std::move(shape), RandomFloats(elements, ++seed_, scale));
    return *this;
  }
  Subject Make(const Shape& sample, int64_t classes, int64_t samples = 24) const {
    absl::StatusOr<PreparedNetwork> network = PrepareNetwork(graph());
    EXPECT_TRUE(network.ok()) << network.status();
    std::vector<int64_t> dims = {samples};
    dims.insert(dims.end(), sample.dims().begin(), sample.dims().end());
    const Shape shape(dims);
    std::map<std::string, Tensor> arrays;
    arrays.emplace("x", Tensor::Of(shape, RandomFloats(shape.Elements(), 99)));
    SplitMix64 random(7);
    std::vector<int64_t> labels(static_cast<size_t>(samples));
    for (int64_t& label : labels) {
      label = static_cast<int64_t>(random() % static_cast<uint64_t>(classes));
    }
    arrays.emplace("labels", Tensor::Of(Shape{samples}, std::move(labels)));
    absl::StatusOr<Dataset> data = Dataset::Create(arrays);
    EXPECT_TRUE(data.ok()) << data.status();
    if (!network.ok() || !data.ok()) return {};
    return {*std::move(network), *std::move(data)};
  }

 private:
  uint64_t seed_ = 0;
};

using Ints = std::vector<int64_t>;

inline Subject Convolutions() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 3, 7, 6})
      .Output("y")
      .Op("Conv", {"x", "w1", "b1"}, {"c1"}, {{"strides", Ints{2, 1}}, {"pads", Ints{1, 0, 2, 1}}})
      .Op("Relu", {"c1"}, {"r1"})
      .Op("Conv", {"r1", "w2"}, {"c2"},
          {{"group", int64_t{2}}, {"dilations", Ints{2, 1}}, {"pads", Ints{2, 1, 2, 1}}})
      .Op("LeakyRelu", {"c2"}, {"r2"}, {{"alpha", 0.1f}})
      .Op("Conv", {"r2", "w3"}, {"c3"})
      .Op("GlobalAveragePool", {"c3"}, {"p"})
      .Op("Flatten", {"p"}, {"f"})
      .Op("Gemm", {"f", "w4", "b4"}, {"y"}, {{"alpha", 0.5f}, {"transB", int64_t{1}}});
  builder.Weights("w1", Shape{8, 3, 3, 3}).Weights("b1", Shape{8});
  builder.Weights("w2", Shape{8, 4, 3, 3}).Weights("w3", Shape{6, 8, 1, 1});
  builder.Weights("w4", Shape{4, 6}, 2).Weights("b4", Shape{4});
  return builder.Make(Shape{3, 7, 6}, 4);
}

inline Subject Depthwise() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 3, 6, 6})
      .Output("y")
      .Op("Conv", {"x", "w1"}, {"c1"})
      .Op("Relu", {"c1"}, {"r1"})
      .Op("Conv", {"r1", "w2"}, {"c2"}, {{"group", int64_t{10}}, {"pads", Ints{1, 1, 1, 1}}})
      .Op("Relu", {"c2"}, {"r2"})
      .Op("Add", {"r1", "r2"}, {"sum"})
      .Op("GlobalAveragePool", {"sum"}, {"p"})
      .Op("Flatten", {"p"}, {"f"})
      .Op("Gemm", {"f", "w3"}, {"y"});
  builder.Weights("w1", Shape{10, 3, 1, 1}).Weights("w2", Shape{10, 1, 3, 3});
  builder.Weights("w3", Shape{10, 4}, 2);
  return builder.Make(Shape{3, 6, 6}, 4);
}

// Products of [N, tokens, features], with a smooth function between them.
inline Subject Tokens() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 6, 8})
      .Output("y")
      .Op("MatMul", {"x", "w1"}, {"h1"})
      .Op("Tanh", {"h1"}, {"t1"})
      .Op("MatMul", {"t1", "w2"}, {"h2"})
      .Op("ReduceMean", {"h2"}, {"m"}, {{"axes", Ints{1}}, {"keepdims", int64_t{0}}})
      .Op("Gemm", {"m", "w3"}, {"y"});
  builder.Weights("w1", Shape{8, 12}).Weights("w2", Shape{12, 8}).Weights("w3", Shape{8, 4}, 2);
  return builder.Make(Shape{6, 8}, 4);
}

// One tensor that two layers read, one after the other.
inline Subject SharedWeights() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 6, 8})
      .Output("y")
      .Op("MatMul", {"x", "w1"}, {"h1"})
      .Op("Relu", {"h1"}, {"r1"})
      .Op("MatMul", {"r1", "w1"}, {"h2"})
      .Op("ReduceMean", {"h2"}, {"m"}, {{"axes", Ints{1}}, {"keepdims", int64_t{0}}})
      .Op("Gemm", {"m", "w2"}, {"y"});
  builder.Weights("w1", Shape{8, 8}).Weights("w2", Shape{8, 4}, 2);
  return builder.Make(Shape{6, 8}, 4);
}

// An LSTM whose last state is read: two of its three steps read one tensor.
inline Subject Recurrent() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 3, 5})
      .Output("y")
      .Ints("first", {0})
      .Op("Transpose", {"x"}, {"t"}, {{"perm", Ints{1, 0, 2}}})
      .Op("LSTM", {"t", "w1", "r1", "b1"}, {"states", "last"})
      .Op("Squeeze", {"last", "first"}, {"m"})
      .Op("Gemm", {"m", "w2"}, {"y"});
  builder.Weights("w1", Shape{1, 16, 5}, 1).Weights("r1", Shape{1, 16, 4}, 1);
  builder.Weights("b1", Shape{1, 32}).Weights("w2", Shape{4, 4}, 3);
  return builder.Make(Shape{3, 5}, 4);
}

// Tokens of all samples in one axis.
inline Subject MergedTokens() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 6, 8})
      .Output("y")
      .Ints("merged", {-1, 8})
      .Ints("apart", {-1, 6, 12})
      .Op("Reshape", {"x", "merged"}, {"rows"})
      .Op("Gemm", {"rows", "w1"}, {"h1"})
      .Op("Relu", {"h1"}, {"r1"})
      .Op("Reshape", {"r1", "apart"}, {"tokens"})
      .Op("ReduceMean", {"tokens"}, {"m"}, {{"axes", Ints{1}}, {"keepdims", int64_t{0}}})
      .Op("Gemm", {"m", "w2"}, {"y"});
  builder.Weights("w1", Shape{8, 12}).Weights("w2", Shape{12, 4}, 2);
  return builder.Make(Shape{6, 8}, 4);
}

// W x' of all samples: the gradients of samples cannot be taken apart.
inline Subject WeightsFirst() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 8})
      .Output("y")
      .Op("Transpose", {"x"}, {"t"}, {{"perm", Ints{1, 0}}})
      .Op("MatMul", {"w1", "t"}, {"h1"})
      .Op("Relu", {"h1"}, {"r1"})
      .Op("Transpose", {"r1"}, {"back"}, {{"perm", Ints{1, 0}}})
      .Op("Gemm", {"back", "w2"}, {"y"});
  builder.Weights("w1", Shape{12, 8}).Weights("w2", Shape{12, 4}, 2);
  return builder.Make(Shape{8}, 4);
}

inline Subject Regression() {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 8})
      .Output("y")
      .Op("Gemm", {"x", "w1"}, {"h1"})
      .Op("Relu", {"h1"}, {"r1"})
      .Op("Gemm", {"r1", "w2"}, {"y"});
  builder.Weights("w1", Shape{8, 12}).Weights("w2", Shape{12, 3});
  return builder.Make(Shape{8}, 3);
}

// One layer: logits x W.
inline Subject SoftmaxRegression(int64_t inputs, int64_t classes, int64_t samples) {
  NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, inputs}).Output("y").Op("Gemm", {"x", "w"}, {"y"});
  builder.Weights("w", Shape{inputs, classes}, 1);
  return builder.Make(Shape{inputs}, classes, samples);
}

// Its Hessian is mean_n (diag(p) - p p') (x) x x', with the trace mean_n (1 - |p|^2) |x|^2.
inline double SoftmaxRegressionTrace(const Subject& subject) {
  const absl::Span<const float> w = subject.network.graph.initializers.at("w").data<float>();
  const absl::Span<const float> x = subject.data.inputs().at("x").data<float>();
  const auto samples = static_cast<size_t>(subject.data.samples());
  const size_t inputs = x.size() / samples, classes = w.size() / inputs;
  double trace = 0;
  for (size_t n = 0; n < samples; ++n) {
    std::vector<double> logits(classes, 0.0);
    double norm = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < inputs; ++i) {
      const double value = x[n * inputs + i];
      norm += value * value;
      for (size_t c = 0; c < classes; ++c) logits[c] += value * w[i * classes + c];
    }
    for (const double logit : logits) sum += std::exp(logit);
    for (const double logit : logits) squares += std::exp(2 * logit) / (sum * sum);
    trace += (1 - squares) * norm;
  }
  return trace / static_cast<double>(samples);
}

}  // namespace halftone::testing

#endif  // HALFTONE_TESTS_SEARCH_SENSITIVITY_SMALL_NETWORKS_H_
