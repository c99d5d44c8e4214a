#include <cmath>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/small_networks.h"

// A batch is how much is computed at once: no loss may depend on it, wherever in a layer's result
// the samples of a batch lie.
namespace halftone {
namespace {

using testing::Ints;
using testing::NetworkBuilder;
using testing::Subject;

constexpr int64_t kTokens = 5, kWidth = 8, kHeads = 2;

// x + nn.MultiheadAttention(x), as torch.onnx.export writes it for batch_first: tokens before
// samples throughout, and the output's projection a Gemm of [tokens * samples, width].
void AppendAttention(NetworkBuilder& builder, const std::string& x, const std::string& name) {
  const auto value = [&](const char* part) { return absl::StrCat(name, part); };
  const Ints heads_first = {1, 0, 2};
  builder.Ints(value("qkv_shape"), {kTokens, -1, 3, kWidth})
      .Ints(value("head_shape"), {kTokens, -1, kWidth / kHeads})
      .Ints(value("rows_shape"), {-1, kWidth})
      .Ints(value("tokens_shape"), {kTokens, -1, kWidth})
      .Ints(value("first"), {0})
      .Ints(value("fourth"), {3})
      .Float(value("scale"), 0.5f);
  builder.Weights(value("w_in"), Shape{kWidth, 3 * kWidth}, 1)
      .Weights(value("b_in"), Shape{3 * kWidth}, 0.3)
      .Weights(value("w_out"), Shape{kWidth, kWidth}, 1)
      .Weights(value("b_out"), Shape{kWidth}, 0.3);
  builder.Op("Transpose", {x}, {value("t")}, {{"perm", heads_first}})
      .Op("MatMul", {value("t"), value("w_in")}, {value("in")})
      .Op("Add", {value("b_in"), value("in")}, {value("qkv")})
      .Op("Reshape", {value("qkv"), value("qkv_shape")}, {value("apart")})
      .Op("Unsqueeze", {value("apart"), value("first")}, {value("five")})
      .Op("Transpose", {value("five")}, {value("turned")}, {{"perm", Ints{3, 1, 2, 0, 4}}})
      .Op("Squeeze", {value("turned"), value("fourth")}, {value("parts")});
  for (const int64_t part : {0, 1, 2}) {
    const std::string of = absl::StrCat(name, "part", part);
    builder.Int(absl::StrCat(of, "i"), part)
        .Op("Gather", {value("parts"), absl::StrCat(of, "i")}, {absl::StrCat(of, "g")},
            {{"axis", int64_t{0}}})
        .Op("Reshape", {absl::StrCat(of, "g"), value("head_shape")}, {absl::StrCat(of, "r")})
        .Op("Transpose", {absl::StrCat(of, "r")}, {of}, {{"perm", heads_first}});
  }
  builder.Op("Mul", {value("part0"), value("scale")}, {value("q")})
      .Op("Transpose", {value("part1")}, {value("k")}, {{"perm", Ints{0, 2, 1}}})
      .Op("MatMul", {value("q"), value("k")}, {value("scores")})
      .Op("Softmax", {value("scores")}, {value("attention")}, {{"axis", int64_t{-1}}})
      .Op("MatMul", {value("attention"), value("part2")}, {value("mixed")})
      .Op("Transpose", {value("mixed")}, {value("back")}, {{"perm", heads_first}})
      .Op("Reshape", {value("back"), value("rows_shape")}, {value("rows")})
      .Op("Gemm", {value("rows"), value("w_out"), value("b_out")}, {value("out")},
          {{"transB", int64_t{1}}})
      .Op("Reshape", {value("out"), value("tokens_shape")}, {value("tokens")})
      .Op("Transpose", {value("tokens")}, {value("first_again")}, {{"perm", heads_first}})
      .Op("Add", {x, value("first_again")}, {name});
}

// Two layers of attention, each before two products with a smooth function between.
Subject Transformer(int64_t samples, int64_t batch = Shape::kDynamic) {
  NetworkBuilder builder;
  builder.Input("x", Shape{batch, kTokens, kWidth}).Output("y");
  std::string x = "x";
  for (const std::string layer : {"a", "b"}) {
    const std::string attended = absl::StrCat(layer, "attended"), next = absl::StrCat(layer, "sum");
    AppendAttention(builder, x, attended);
    builder.Weights(absl::StrCat(layer, "w1"), Shape{kWidth, 12})
        .Weights(absl::StrCat(layer, "w2"), Shape{12, kWidth})
        .Op("MatMul", {attended, absl::StrCat(layer, "w1")}, {absl::StrCat(layer, "h1")})
        .Op("Tanh", {absl::StrCat(layer, "h1")}, {absl::StrCat(layer, "r1")})
        .Op("MatMul", {absl::StrCat(layer, "r1"), absl::StrCat(layer, "w2")},
            {absl::StrCat(layer, "h2")})
        .Op("Add", {attended, absl::StrCat(layer, "h2")}, {next});
    x = next;
  }
  builder.Weights("w", Shape{kWidth, 4}, 2)
      .Op("ReduceMean", {x}, {"m"}, {{"axes", Ints{1}}, {"keepdims", int64_t{0}}})
      .Op("Gemm", {"m", "w"}, {"y"});
  return builder.Make(Shape{kTokens, kWidth}, 4, samples);
}

void ExpectClose(double value, double expected, const std::string& what) {
  EXPECT_NEAR(value, expected, 0.002 * std::fabs(expected) + 1e-12) << what;
}

void ExpectEqualResults(const SensitivityResult& result, const SensitivityResult& expected) {
  ASSERT_EQ(result.layers.size(), expected.layers.size());
  EXPECT_EQ(result.probes, expected.probes);
  for (size_t l = 0; l < expected.layers.size(); ++l) {
    const LayerSensitivity& a = result.layers[l];
    const LayerSensitivity& b = expected.layers[l];
    EXPECT_EQ(a.trace_kind, b.trace_kind) << b.name;
    ExpectClose(a.trace.value_or(0), b.trace.value_or(0), b.name + " trace");
    ExpectClose(a.trace_stderr.value_or(0), b.trace_stderr.value_or(0), b.name + " trace's error");
    for (size_t o = 0; o < b.choices.size(); ++o) {
      const std::string choice = absl::StrCat(b.name, " ", b.choices[o].name);
      ExpectClose(a.choices[o].loss, b.choices[o].loss, choice);
      ExpectClose(a.choices[o].loss_stderr.value_or(0), b.choices[o].loss_stderr.value_or(0),
                  choice + " error");
      EXPECT_EQ(b.choices[o].loss != 0, b.note.empty()) << choice;
    }
  }
}

class BatchIndependenceTest : public ::testing::TestWithParam<SensitivityMethod> {};

TEST_P(BatchIndependenceTest, WhereTokensComeBeforeSamples) {
  const Subject subject = Transformer(40);  // the last batch of 7 and of 32 is not full
  SensitivityOptions options;
  options.method = GetParam();
  options.probes = 16;
  options.tolerance = 0;
  options.batch = 1;
  const absl::StatusOr<SensitivityResult> one_by_one = testing::Measure(subject, options);
  ASSERT_TRUE(one_by_one.ok()) << one_by_one.status();
  for (const int batch : {7, 32}) {
    SCOPED_TRACE(absl::StrCat("batch ", batch));
    options.batch = batch;
    const absl::StatusOr<SensitivityResult> batched = testing::Measure(subject, options);
    ASSERT_TRUE(batched.ok()) << batched.status();
    ExpectEqualResults(*batched, *one_by_one);
  }
}

TEST_P(BatchIndependenceTest, WhereTheFileFixesTheBatch) {
  SensitivityOptions options;
  options.method = GetParam();
  options.probes = 16;
  options.tolerance = 0;
  const absl::StatusOr<SensitivityResult> free = testing::Measure(Transformer(18), options);
  ASSERT_TRUE(free.ok()) << free.status();
  // As many as there are tokens, so that the shapes alone do not tell them apart.
  const absl::StatusOr<SensitivityResult> fixed =
      testing::Measure(Transformer(18, /*batch=*/kTokens), options);
  ASSERT_TRUE(fixed.ok()) << fixed.status();
  ExpectEqualResults(*fixed, *free);
}

// Samples are cut out of outputs by their first axis.
TEST(OutputsTest, TokensMayComeBeforeSamples) {
  const auto make = [](bool turned) {
    NetworkBuilder builder;
    builder.Input("x", Shape{Shape::kDynamic, kTokens, kWidth}).Output("y");
    if (turned) builder.Op("Transpose", {"x"}, {"t"}, {{"perm", Ints{1, 0, 2}}});
    builder.Op("MatMul", {turned ? "t" : "x", "w"}, {"y"});
    builder.Weights("w", Shape{kWidth, 4});
    return builder.Make(Shape{kTokens, kWidth}, 4, 7);
  };
  const Subject turned = make(true), plain = make(false);
  for (const SensitivityMethod method :
       {SensitivityMethod::kFisher, SensitivityMethod::kOutput, SensitivityMethod::kHawqV2}) {
    SensitivityOptions options;
    options.method = method;
    const absl::StatusOr<SensitivityResult> found = testing::Measure(turned, options);
    const absl::StatusOr<SensitivityResult> expected = testing::Measure(plain, options);
    ASSERT_TRUE(found.ok() && expected.ok()) << found.status() << expected.status();
    for (size_t c = 0; c < expected->layers[0].choices.size(); ++c) {
      const double loss = expected->layers[0].choices[c].loss;
      EXPECT_NEAR(found->layers[0].choices[c].loss, loss, 1e-4 * loss);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Methods, BatchIndependenceTest,
    ::testing::Values(SensitivityMethod::kFisher, SensitivityMethod::kFisherCorrected,
                      SensitivityMethod::kFisherElementwise, SensitivityMethod::kOutput,
                      SensitivityMethod::kSqnr, SensitivityMethod::kHessianTrace,
                      SensitivityMethod::kHessianTraceExact, SensitivityMethod::kHessianEigenvalue,
                      SensitivityMethod::kHessianForm, SensitivityMethod::kHawqV1,
                      SensitivityMethod::kHawqV2, SensitivityMethod::kHawqV3),
    [](const auto& info) { return testing::NameOfMethodTest(info.param); });

}  // namespace
}  // namespace halftone
