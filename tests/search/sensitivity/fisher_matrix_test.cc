#include "search/sensitivity/fisher_matrix.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/ops.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/layer_pairs.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/single_layer.h"
#include "tests/nn/graph/graph_builder.h"

// The interaction matrix of networks with every kind of output, for choices made here, against
// J' H J with products of the Jacobian by finite differences.
namespace halftone {
namespace {

constexpr int64_t kSamples = 24;

std::vector<float> RandomFloats(int64_t count, uint64_t seed, double scale) {
  SplitMix64 random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(scale * (2 * random.Uniform() - 1));
  return values;
}

// Weights of small magnitude are taken out: a choice that no precision can say.
class PrunedChoice : public Choice {
 public:
  explicit PrunedChoice(double share) : share_(share) {}
  std::string name() const override { return "pruned"; }
  absl::StatusOr<ValueId> AppendTo(const LayerSite& site) const override {
    const Tensor* weights = site.builder.FindConstant(site.sources.weights);
    HT_ASSIGN_OR_RETURN(std::vector<float> values, weights->ToFloats());
    std::vector<float> sorted = values;
    std::sort(sorted.begin(), sorted.end(),
              [](float a, float b) { return std::abs(a) < std::abs(b); });
    const float limit = std::abs(sorted[static_cast<size_t>(share_ * sorted.size())]);
    for (float& value : values) value = std::abs(value) < limit ? 0.0f : value;
    LayerSources sources = site.sources;
    sources.weights = site.builder.AddConstant(Tensor::Of(weights->shape(), std::move(values)));
    return LowerLayer(site.builder, site.graph, site.node, sources, site.bias);
  }

 private:
  double share_;
};

class FloatChoice : public Choice {
 public:
  std::string name() const override { return "float"; }
  bool IsFloat() const override { return true; }
  absl::StatusOr<ValueId> AppendTo(const LayerSite& site) const override {
    return LowerLayer(site.builder, site.graph, site.node, site.sources, site.bias);
  }
};

// y + factor (yhat - y): a choice's damage, made small.
class ScaledChoice : public Choice {
 public:
  ScaledChoice(ChoicePtr choice, float factor) : choice_(std::move(choice)), factor_(factor) {}
  std::string name() const override { return "scaled"; }
  absl::StatusOr<ValueId> AppendTo(const LayerSite& site) const override {
    HT_ASSIGN_OR_RETURN(const ValueId y, FloatChoice().AppendTo(site));
    HT_ASSIGN_OR_RETURN(const ValueId changed, choice_->AppendTo(site));
    HT_ASSIGN_OR_RETURN(const ValueId damage, ops::Sub(site.builder, changed, y));
    HT_ASSIGN_OR_RETURN(const ValueId scaled, ops::Scale(site.builder, damage, factor_));
    return ops::Add(site.builder, y, scaled);
  }

 private:
  ChoicePtr choice_;
  float factor_;
};

struct Subject {
  PreparedNetwork network;
  Dataset data;

  // Pruned weights everywhere, beside 4-bit weights, 4-bit activations, or both.
  LayerChoices Choices() const {
    const std::vector<Precision> precisions = {*Precision::Parse("w4"), *Precision::Parse("a4"),
                                               Precision::Int(5, 4)};
    const Calibration calibration = Calibrate(network, data, precisions, {}, {}).value();
    LayerChoices choices = QuantizedChoices(network, calibration, precisions).value();
    for (size_t l = 0; l < choices.size(); ++l) {
      if (l % 2 == 0) choices[l].erase(choices[l].begin());
      choices[l].insert(choices[l].begin() + 1, std::make_shared<PrunedChoice>(0.4));
      choices[l].push_back(std::make_shared<FloatChoice>());
    }
    return choices;
  }
};

Subject Make(const Graph& graph, const Shape& sample, const AskedHeads& heads = {}) {
  Subject subject;
  subject.network = PrepareNetwork(graph, heads).value();
  std::vector<int64_t> dims = {kSamples};
  dims.insert(dims.end(), sample.dims().begin(), sample.dims().end());
  const Shape shape(dims);
  std::map<std::string, Tensor> arrays;
  arrays.emplace("x", Tensor::Of(shape, RandomFloats(shape.Elements(), 3, 1.5)));
  subject.data = Dataset::Create(arrays).value();
  if (NeedsScales(subject.network)) {
    EXPECT_TRUE(MeasureScales(subject.data, {}, subject.network).ok());
  }
  return subject;
}

// Two layers that end in one sum, and a third that reads it: logits.
GraphBuilder Trunk() {
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 2, 5, 5})
      .Op("Conv", {"x", "w1"}, {"c1"}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}})
      .Op("Relu", {"c1"}, {"r1"})
      .Op("Conv", {"x", "w2"}, {"c2"})
      .Op("Add", {"r1", "c2"}, {"sum"})
      .Op("Relu", {"sum"}, {"r2"})
      .Op("GlobalAveragePool", {"r2"}, {"pool"})
      .Op("Flatten", {"pool"}, {"f"})
      .Op("Gemm", {"f", "w3"}, {"y"})
      .Output("y");
  builder.Floats("w1", Shape{6, 2, 3, 3}, RandomFloats(108, 11, 1));
  builder.Floats("w2", Shape{6, 2, 1, 1}, RandomFloats(12, 12, 1));
  builder.Floats("w3", Shape{6, 3}, RandomFloats(18, 13, 2));
  return builder;
}

Subject Logits() { return Make(Trunk().graph(), Shape{2, 5, 5}); }

Subject TwoOutputs() {
  GraphBuilder builder = Trunk();
  builder.Op("Gemm", {"f", "w4"}, {"g"}).Op("Tanh", {"g"}, {"z"}).Output("z");
  builder.Floats("w4", Shape{6, 2}, RandomFloats(12, 14, 1));
  return Make(builder.graph(), Shape{2, 5, 5});
}

// A hundred times as large as the logits, and twice as much worth.
Subject LogitsAndBoxes() {
  GraphBuilder builder = Trunk();
  builder.Op("Gemm", {"f", "w4"}, {"z"}).Output("z");
  builder.Floats("w4", Shape{6, 2}, RandomFloats(12, 14, 100));
  return Make(builder.graph(), Shape{2, 5, 5}, {{"z", {HeadKind::kMse, 2}}});
}

Subject Regression() { return Make(Trunk().graph(), Shape{2, 5, 5}, {{"y", {HeadKind::kMse}}}); }
Subject Labels() {
  GraphBuilder builder = Trunk();
  builder.Op("Sigmoid", {"y"}, {"s"});
  Graph graph = builder.graph();
  graph.outputs[0].name = "s";
  return Make(graph, Shape{2, 5, 5});
}
Subject Relative() {
  return Make(Trunk().graph(), Shape{2, 5, 5}, {{"y", {HeadKind::kRelative, 3}}});
}
Subject Cosine() { return Make(Trunk().graph(), Shape{2, 5, 5}, {{"y", {HeadKind::kCosine}}}); }

// Three classes for each of four pixels.
Subject Segmentation() {
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 2, 2, 2})
      .Op("Conv", {"x", "w1"}, {"h"})
      .Op("Relu", {"h"}, {"r"})
      .Op("Conv", {"r", "w2"}, {"t"})
      .Op("Softmax", {"t"}, {"p"}, {{"axis", int64_t{1}}})
      .Output("p");
  builder.Floats("w1", Shape{6, 2, 1, 1}, RandomFloats(12, 41, 1));
  builder.Floats("w2", Shape{3, 6, 1, 1}, RandomFloats(18, 42, 1));
  return Make(builder.graph(), Shape{2, 2, 2});
}

// Logits of three classes for each of four tokens.
Subject Tokens() {
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 4, 5})
      .Op("MatMul", {"x", "w1"}, {"h"})
      .Op("Relu", {"h"}, {"r"})
      .Op("MatMul", {"r", "w2"}, {"t"})
      .Op("Softmax", {"t"}, {"p"}, {{"axis", int64_t{-1}}})
      .Output("p");
  builder.Floats("w1", Shape{5, 6}, RandomFloats(30, 21, 1));
  builder.Floats("w2", Shape{6, 3}, RandomFloats(18, 22, 1));
  return Make(builder.graph(), Shape{4, 5});
}

// h' H g of one sample, H the Hessian of the divergence of one head at its reference.
double HessianForm(const Head& head, const std::vector<float>& reference,
                   const std::vector<double>& h, const std::vector<double>& g) {
  double form = 0, power = 0, along_h = 0, along_g = 0;
  for (size_t i = 0; i < h.size(); ++i) {
    const double y = reference[i], p = 1 / (1 + std::exp(-y));
    form += h[i] * g[i] * (head.kind == HeadKind::kBernoulli ? p * (1 - p) : 1);
    power += y * y;
    along_h += y * h[i];
    along_g += y * g[i];
  }
  switch (head.kind) {
    case HeadKind::kMse:
      return 2 * form / static_cast<double>(head.elements());
    case HeadKind::kRelative:
      return 2 * form / power;
    case HeadKind::kBernoulli:
      return form;
    case HeadKind::kCosine:
      return (form - along_h * along_g / power) / power;
    default:
      form = 0;
  }
  if (head.stride > 1) {
    Head row = head;
    row.rows = row.stride = 1;
    const auto stride = static_cast<size_t>(head.stride);
    for (size_t r = 0; r < stride; ++r) {
      std::vector<float> y;
      std::vector<double> of_h, of_g;
      for (size_t i = r; i < h.size(); i += stride) {
        y.push_back(reference[i]);
        of_h.push_back(h[i]);
        of_g.push_back(g[i]);
      }
      form += HessianForm(row, y, of_h, of_g) / static_cast<double>(head.rows);
    }
    return form;
  }
  const auto width = static_cast<size_t>(head.width);
  for (size_t begin = 0; begin < h.size(); begin += width) {
    const std::vector<double> p = SoftmaxRow(absl::MakeConstSpan(reference).subspan(begin, width));
    double both = 0, of_h = 0, of_g = 0;
    for (size_t c = 0; c < width; ++c) {
      both += p[c] * h[begin + c] * g[begin + c];
      of_h += p[c] * h[begin + c];
      of_g += p[c] * g[begin + c];
    }
    form += (both - of_h * of_g) / static_cast<double>(head.rows);
  }
  return form;
}

// The products of the Jacobian with every choice's damage, by central differences.
class BruteForce {
 public:
  BruteForce(const Subject& subject, const LayerChoices& choices) {
    constexpr float kStep = 2e-3f;
    const SensitivityOptions options;
    for (size_t l = 0; l < choices.size(); ++l) {
      LayerChoices scaled(choices.size());
      std::vector<size_t> both;
      for (const ChoicePtr& choice : choices[l]) {
        for (const float step : {kStep, -kStep}) {
          both.push_back(both.size());
          scaled[l].push_back(std::make_shared<ScaledChoice>(choice, step));
        }
      }
      const ChoiceRequest request{subject.network, subject.data, scaled, options};
      SingleLayerMeter meter = SingleLayerMeter::Create(request).value();
      heads_ = meter.heads();
      const size_t first = products_.size();
      products_.resize(first + choices[l].size());
      std::vector<std::vector<std::vector<float>>> ahead(choices[l].size());
      const absl::Status status = meter.Run(
          l, both,
          [&](size_t i, absl::Span<const absl::Span<const float>> reference,
              absl::Span<const absl::Span<const float>> changed) {
            for (size_t h = 0; h < heads_.size(); ++h) {
              if (i % 2 == 0) {
                ahead[i / 2].emplace_back(changed[h].begin(), changed[h].end());
                if (l == 0 && i == 0)
                  reference_.emplace_back(reference[h].begin(), reference[h].end());
                continue;
              }
              auto& product = products_[first + i / 2].emplace_back();
              const std::vector<float>& up = ahead[i / 2][products_[first + i / 2].size() - 1];
              for (size_t e = 0; e < changed[h].size(); ++e) {
                product.push_back(
                    (static_cast<double>(up[e]) - static_cast<double>(changed[h][e])) /
                    (2.0 * static_cast<double>(kStep)));
              }
            }
          },
          {});
      EXPECT_TRUE(status.ok()) << status;
    }
  }

  size_t size() const { return products_.size(); }
  // G_ab over the samples.
  double Entry(size_t a, size_t b) const {
    double sum = 0;
    for (size_t i = 0; i < products_[a].size(); ++i) {
      sum +=
          heads_[i % heads_.size()].factor *
          HessianForm(heads_[i % heads_.size()], reference_[i], products_[a][i], products_[b][i]);
    }
    return sum / kSamples;
  }

 private:
  std::vector<Head> heads_;
  std::vector<std::vector<float>> reference_;               // [sample x head]
  std::vector<std::vector<std::vector<double>>> products_;  // [column][sample x head]
};

SensitivityResult MeasureMatrix(const Subject& subject, const LayerChoices& choices,
                                SensitivityOptions options) {
  options.interactions = true;
  absl::StatusOr<SensitivityResult> result =
      MeasureChoices(subject.network, subject.data, choices, options, {});
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : SensitivityResult();
}

struct OutputCase {
  std::string name;
  Subject (*make)();
};

// By its name: the bytes of the pointer are others in every run, and so would be the test's name.
void PrintTo(const OutputCase& output, std::ostream* out) { *out << output.name; }

class FisherMatrixTest : public ::testing::TestWithParam<OutputCase> {
 protected:
  const Subject subject_ = GetParam().make();
  const LayerChoices choices_ = subject_.Choices();
};

TEST_P(FisherMatrixTest, ExactExpectationIsWhatFiniteDifferencesGive) {
  const SensitivityResult result = MeasureMatrix(subject_, choices_, {});
  const BruteForce truth(subject_, choices_);
  const size_t size = truth.size();
  ASSERT_EQ(result.interactions.size(), size * size);
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < size; ++b) {
      const double scale = std::sqrt(truth.Entry(a, a) * truth.Entry(b, b));
      EXPECT_NEAR(result.interactions[a * size + b], truth.Entry(a, b), 0.01 * scale)
          << a << " " << b;
    }
  }
}

TEST_P(FisherMatrixTest, DrawsAgreeWithTheExactExpectation) {
  const SensitivityResult exact = MeasureMatrix(subject_, choices_, {});
  SensitivityOptions options;
  options.exact_classes = 0;
  options.draws = 256;
  const SensitivityResult drawn = MeasureMatrix(subject_, choices_, options);
  ASSERT_EQ(drawn.interactions.size(), exact.interactions.size());
  const size_t size = ChoiceColumns(choices_).size();
  for (size_t i = 0; i < exact.interactions.size(); ++i) {
    const size_t a = i / size, b = i % size;
    const double scale =
        std::sqrt(exact.interactions[a * size + a] * exact.interactions[b * size + b]);
    EXPECT_NEAR(drawn.interactions[i], exact.interactions[i],
                4 * scale / std::sqrt(kSamples * options.draws) * 2)
        << a << " " << b;
  }
}

TEST_P(FisherMatrixTest, StandardErrorsAreTheSpreadOverSamples) {
  const SensitivityResult all = MeasureMatrix(subject_, choices_, {});
  const size_t size = ChoiceColumns(choices_).size();
  // From the matrices of single samples, by hand.
  std::vector<std::vector<MeanEstimate>> entries(size, std::vector<MeanEstimate>(size));
  std::map<std::string, Tensor> arrays;
  const Tensor& x = subject_.data.inputs().at("x");
  for (int64_t n = 0; n < kSamples; ++n) {
    Subject one = subject_;
    one.data = Dataset::Create({{"x", subject_.data.Batch("x", n, 1).value()}}).value();
    const SensitivityResult result = MeasureMatrix(one, choices_, {});
    for (size_t i = 0; i < size * size; ++i)
      entries[i / size][i % size].Add(result.interactions[i]);
  }
  EXPECT_EQ(x.shape().dim(0), kSamples);
  for (size_t i = 0; i < size * size; ++i) {
    const MeanEstimate& entry = entries[i / size][i % size];
    EXPECT_NEAR(all.interactions[i], entry.mean(), 1e-4 * std::abs(entry.mean()) + 1e-7);
    EXPECT_NEAR(all.interaction_errors[i], entry.standard_error(),
                1e-3 * entry.standard_error() + 1e-7);
  }
}

class SmallDamageTest : public FisherMatrixTest {};

TEST_P(SmallDamageTest, IsPredictedExactly) {
  LayerChoices small = choices_;
  for (auto& row : small) {
    for (ChoicePtr& choice : row) choice = std::make_shared<ScaledChoice>(choice, 0.01f);
  }
  const SensitivityResult result = MeasureMatrix(subject_, small, {});
  ChosenLayers chosen;
  std::vector<int> indices;
  for (size_t l = 0; l < small.size(); ++l) {
    indices.push_back(static_cast<int>(l % small[l].size()));
    chosen[subject_.network.layers.layers[l].name] = small[l][l % small[l].size()];
  }
  const auto evaluator =
      AssignmentEvaluator::Create(subject_.network, subject_.data, Calibration(), {}).value();
  const Evaluation truth = evaluator->EvaluateChosen(chosen, {}).value();
  EXPECT_NEAR(PredictLoss(result, indices).value(), truth.divergence, 0.1 * truth.divergence);
}

std::string NameOf(const ::testing::TestParamInfo<OutputCase>& info) { return info.param.name; }

const OutputCase kLogits{"Logits", Logits}, kTwoOutputs{"TwoOutputs", TwoOutputs},
    kBoxes{"LogitsAndBoxes", LogitsAndBoxes}, kRegression{"Regression", Regression},
    kTokens{"Tokens", Tokens}, kLabels{"Labels", Labels}, kRelative{"Relative", Relative},
    kCosine{"Cosine", Cosine}, kSegmentation{"Segmentation", Segmentation};
const auto kOutputs = ::testing::Values(kLogits, kTwoOutputs, kBoxes, kRegression, kTokens, kLabels,
                                        kRelative, kCosine, kSegmentation);
INSTANTIATE_TEST_SUITE_P(Outputs, FisherMatrixTest, kOutputs, NameOf);
INSTANTIATE_TEST_SUITE_P(Outputs, SmallDamageTest, kOutputs, NameOf);

TEST(LayerPairsTest, NeighboursFeedEachOtherOrOneSum) {
  const Subject subject = Logits();
  const Graph graph = subject.network.Bind(1).value();
  const LayerPairs pairs = NeighbourPairs(graph, subject.network.layers);
  EXPECT_TRUE(pairs.Contains(0, 1)) << "one sum";
  EXPECT_TRUE(pairs.Contains(0, 2)) << "through the sum";
  EXPECT_TRUE(pairs.Contains(2, 1));
  EXPECT_TRUE(pairs.Contains(1, 1));
  const Subject two = TwoOutputs();
  const LayerPairs of_two = NeighbourPairs(two.network.Bind(1).value(), two.network.layers);
  EXPECT_FALSE(of_two.Contains(2, 3)) << "two outputs of one value";
}

TEST(LayerPairsTest, AResidualStreamIsPassedOnce) {
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 4}).Output("s2");
  builder.Op("MatMul", {"x", "w"}, {"a"})
      .Op("MatMul", {"a", "w"}, {"b"})
      .Op("Add", {"a", "b"}, {"s1"})
      .Op("MatMul", {"s1", "w"}, {"c"})
      .Op("Add", {"s1", "c"}, {"s2"});
  builder.Floats("w", Shape{4, 4}, RandomFloats(16, 5, 1));
  const Subject subject = Make(builder.graph(), Shape{4});
  const LayerPairs pairs = NeighbourPairs(subject.network.Bind(1).value(), subject.network.layers);
  EXPECT_TRUE(pairs.Contains(0, 1));
  EXPECT_TRUE(pairs.Contains(0, 2));
  EXPECT_TRUE(pairs.Contains(1, 2));
  EXPECT_EQ(pairs.size(), 3u);
}

TEST(FisherMatrixPairsTest, OnlyTheEntriesOfNeighboursAreKept) {
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 5}).Output("y");
  builder.Op("MatMul", {"x", "w1"}, {"a"})
      .Op("Relu", {"a"}, {"r"})
      .Op("MatMul", {"r", "w2"}, {"b"})
      .Op("Tanh", {"b"}, {"t"})
      .Op("MatMul", {"t", "w3"}, {"y"});
  builder.Floats("w1", Shape{5, 6}, RandomFloats(30, 31, 1));
  builder.Floats("w2", Shape{6, 6}, RandomFloats(36, 32, 1));
  builder.Floats("w3", Shape{6, 3}, RandomFloats(18, 33, 1));
  const Subject subject = Make(builder.graph(), Shape{5});
  const LayerChoices choices = subject.Choices();
  const SensitivityResult all = MeasureMatrix(subject, choices, {});
  SensitivityOptions options;
  options.pairs = InteractionPairs::kNeighbours;
  const SensitivityResult some = MeasureMatrix(subject, choices, options);
  const ChoiceColumns columns(choices);
  const size_t size = columns.size();
  bool any_dropped = false;
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < size; ++b) {
      const bool ends = std::min(a, b) < columns.End(0) && std::max(a, b) >= columns.Begin(2);
      any_dropped |= ends && all.interactions[a * size + b] != 0;
      EXPECT_EQ(some.interactions[a * size + b], ends ? 0 : all.interactions[a * size + b]);
    }
  }
  EXPECT_TRUE(any_dropped);
}

TEST(FisherMatrixPairsTest, ChoicesKeepTheirNames) {
  const Subject subject = Logits();
  const SensitivityResult result = MeasureMatrix(subject, subject.Choices(), {});
  EXPECT_EQ(result.layers[0].choices[1].name, "pruned");
  EXPECT_EQ(result.layers[0].choices[0].name, "a4");
  EXPECT_EQ(result.layers[1].choices[0].name, "w4");
  EXPECT_GT(result.layers[0].choices[1].loss, 0);
  EXPECT_EQ(result.layers[0].choices.back().loss, 0) << "the float layer";
}

}  // namespace
}  // namespace halftone
