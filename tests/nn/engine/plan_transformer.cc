#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/nn/engine/graph_maker.h"
#include "tests/nn/engine/plan_network.h"

namespace halftone {
namespace {

using Integers = std::vector<int64_t>;

constexpr int64_t kTokens = 10, kWidth = 24, kHeads = 4, kHeadSize = kWidth / kHeads;

// src [N, T, depth] -> [N, T, channels].
std::string Linear(GraphMaker& maker, const std::string& src, int64_t depth, int64_t channels) {
  const float magnitude = 1.2f / std::sqrt(static_cast<float>(depth));
  const std::string product =
      maker.Node1("MatMul", {src, maker.Weights(Shape{depth, channels}, magnitude)});
  return maker.Node1("Add", {maker.Weights(Shape{channels}, 0.2f), product});
}

// Written out as older opsets have it.
std::string LayerNormalization(GraphMaker& maker, const std::string& src) {
  const std::map<std::string, Attribute> last = {{"axes", Integers{-1}}};
  const std::string centered = maker.Node1("Sub", {src, maker.Node1("ReduceMean", {src}, last)});
  const std::string square = maker.Node1("Pow", {centered, maker.Number(2)});
  const std::string variance = maker.Node1("ReduceMean", {square}, last);
  const std::string deviation =
      maker.Node1("Sqrt", {maker.Node1("Add", {variance, maker.Number(1e-5f)})});
  const std::string unit = maker.Node1("Div", {centered, deviation});
  const std::string scaled = maker.Node1("Mul", {unit, maker.Weights(Shape{kWidth}, 0.3f, 1)});
  return maker.Node1("Add", {scaled, maker.Weights(Shape{kWidth}, 0.2f)});
}

std::string ErfGelu(GraphMaker& maker, const std::string& src) {
  const std::string erf =
      maker.Node1("Erf", {maker.Node1("Div", {src, maker.Number(1.41421354f)})});
  const std::string gate = maker.Node1("Add", {erf, maker.Number(1)});
  return maker.Node1("Mul", {maker.Node1("Mul", {src, gate}), maker.Number(0.5f)});
}

std::string TanhGelu(GraphMaker& maker, const std::string& src) {
  const std::string cube = maker.Node1("Mul", {src, maker.Node1("Mul", {src, src})});
  const std::string inner =
      maker.Node1("Add", {src, maker.Node1("Mul", {cube, maker.Number(0.044715f)})});
  const std::string tanh =
      maker.Node1("Tanh", {maker.Node1("Mul", {inner, maker.Number(0.7978845608f)})});
  const std::string gate = maker.Node1("Add", {tanh, maker.Number(1)});
  return maker.Node1("Mul", {maker.Node1("Mul", {src, maker.Number(0.5f)}), gate});
}

// What attention does with [N, heads, T, size] queries and values and [N, heads, size, T] keys.
std::string Attend(GraphMaker& maker, const std::string& q, const std::string& k,
                   const std::string& v, bool masked) {
  std::string scores = maker.Node1("MatMul", {q, k});
  if (masked) {
    scores = maker.Node1("Div", {scores, maker.Number(2.44948974f)});
    scores = maker.Node1("Add", {scores, maker.Weights(Shape{1, 1, kTokens, kTokens}, 1.0f)});
  } else {
    scores = maker.Node1("Mul", {scores, maker.Number(0.408248290f)});
  }
  const std::string weights = maker.Node1("Softmax", {scores}, {{"axis", int64_t{-1}}});
  const std::string heads = maker.Node1("Transpose", {maker.Node1("MatMul", {weights, v})},
                                        {{"perm", Integers{0, 2, 1, 3}}});
  const std::string joined = maker.Node1("Reshape", {heads, maker.Ints({0, kTokens, kWidth})});
  return Linear(maker, joined, kWidth, kWidth);
}

// One projection, split.
std::string JointAttention(GraphMaker& maker, const std::string& src) {
  const std::string qkv = Linear(maker, src, kWidth, 3 * kWidth);
  const std::string parts =
      maker.Node1("Reshape", {qkv, maker.Ints({0, kTokens, 3, kHeads, kHeadSize})});
  const std::string moved = maker.Node1("Transpose", {parts}, {{"perm", Integers{2, 0, 3, 1, 4}}});
  const std::vector<std::string> split =
      maker.Nodes("Split", {moved, maker.Ints({1, 1, 1})}, {{"axis", int64_t{0}}}, 3);
  const auto squeeze = [&](const std::string& value) {
    return maker.Node1("Squeeze", {value, maker.Ints({0})});
  };
  const std::string q = squeeze(split[0]), v = squeeze(split[2]);
  const std::string k =
      maker.Node1("Transpose", {squeeze(split[1])}, {{"perm", Integers{0, 1, 3, 2}}});
  return Attend(maker, q, k, v, /*masked=*/false);
}

// Three projections, the keys read through one transposition.
std::string SeparateAttention(GraphMaker& maker, const std::string& src) {
  const auto project = [&](Integers permutation) {
    const std::string heads = maker.Node1("Reshape", {Linear(maker, src, kWidth, kWidth),
                                                      maker.Ints({0, kTokens, kHeads, kHeadSize})});
    return maker.Node1("Transpose", {heads}, {{"perm", std::move(permutation)}});
  };
  const std::string q = project({0, 2, 1, 3}), k = project({0, 2, 3, 1}), v = project({0, 2, 1, 3});
  return Attend(maker, q, k, v, /*masked=*/true);
}

std::string Perceptron(GraphMaker& maker, const std::string& src, bool tanh) {
  const std::string hidden = Linear(maker, src, kWidth, 2 * kWidth);
  const std::string active = tanh ? TanhGelu(maker, hidden) : ErfGelu(maker, hidden);
  return Linear(maker, active, 2 * kWidth, kWidth);
}

std::string Embed(GraphMaker& maker, int64_t batch) {
  const std::string patches = maker.Convolution("x", kWidth, 3, 4, {{"strides", Integers{4, 4}}});
  const std::string flat = maker.Node1("Reshape", {patches, maker.Ints({0, kWidth, -1})});
  const std::string tokens = maker.Node1("Transpose", {flat}, {{"perm", Integers{0, 2, 1}}});
  const std::string all = maker.Node1("Concat", {maker.Weights(Shape{batch, 1, kWidth}, 1), tokens},
                                      {{"axis", int64_t{1}}});
  return maker.Node1("Add", {all, maker.Weights(Shape{1, kTokens, kWidth}, 0.5f)});
}

}  // namespace

absl::StatusOr<PlanNetwork> MakeRandomTransformer(int64_t batch, uint64_t seed) {
  GraphMaker maker(Shape{batch, 3, 12, 12}, seed);
  std::string x = Embed(maker, batch);
  x = maker.Node1("Add", {x, JointAttention(maker, LayerNormalization(maker, x))});
  x = maker.Node1("Add", {x, Perceptron(maker, LayerNormalization(maker, x), /*tanh=*/false)});
  x = maker.Node1("Add", {x, SeparateAttention(maker, LayerNormalization(maker, x))});
  x = maker.Node1("Add", {Perceptron(maker, LayerNormalization(maker, x), /*tanh=*/true), x});
  const std::string token = maker.Node1(
      "Gather", {LayerNormalization(maker, x), maker.Constant(Tensor::Scalar<int64_t>(0))},
      {{"axis", int64_t{1}}});
  const std::string output = maker.Node1("Gemm", {token, maker.Weights(Shape{kWidth, 10}, 0.3f)});
  std::mt19937_64 random(seed + 1);
  std::normal_distribution<float> normal;
  std::vector<float> input(static_cast<size_t>(batch) * 3 * 12 * 12);
  for (float& value : input) value = normal(random);
  return PlanNetwork::Create(maker.Finish(output), batch, std::move(input));
}

}  // namespace halftone
