#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/data/npz.h"
#include "nn/onnx/import.h"
#include "search/sensitivity/hessian_program.h"
#include "search/sensitivity/lanczos.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::Subject;

// Keeps what a product borrows.
struct Products {
  Products(Subject of, HessianProduct::Mode mode, LossKind loss = LossKind::kAuto)
      : subject(std::move(of)) {
    options.loss = loss;
    auto created = HessianProduct::Create(request, mode, 1);
    EXPECT_TRUE(created.ok()) << created.status();
    if (created.ok()) product = *std::move(created);
  }
  // One vector over all tensors.
  std::vector<double> Run(const std::vector<float>& vector) {
    size_t next = 0;
    for (size_t t = 0; t < product->tensors().size(); ++t) {
      const auto size = static_cast<size_t>(product->tensors()[t].values.elements());
      EXPECT_TRUE(product->SetVector(0, t, absl::MakeConstSpan(vector).subspan(next, size)).ok());
      next += size;
    }
    EXPECT_TRUE(product->Run({}).ok());
    std::vector<double> joint;
    for (size_t t = 0; t < product->tensors().size(); ++t) {
      joint.insert(joint.end(), product->Result(0, t).begin(), product->Result(0, t).end());
    }
    return joint;
  }
  size_t size() const {
    size_t elements = 0;
    for (const WeightTensor& tensor : product->tensors()) {
      elements += static_cast<size_t>(tensor.values.elements());
    }
    return elements;
  }

  Subject subject;
  Calibration calibration;
  SensitivityOptions options;
  SensitivityRequest request = {subject.network, subject.data, calibration,
                                testing::WeightPrecisions(), options};
  std::unique_ptr<HessianProduct> product;
};

double Dot(const std::vector<float>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

double Norm(const std::vector<double>& a) {
  double squares = 0;
  for (const double value : a) squares += value * value;
  return std::sqrt(squares);
}

struct Named {
  const char* name;
  Subject (*make)();
};
void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

class SmallNetworkTest : public ::testing::TestWithParam<Named> {};

TEST_P(SmallNetworkTest, ProductsAreSymmetric) {
  Products products(GetParam().make(), HessianProduct::Mode::kProducts);
  const auto size = static_cast<int64_t>(products.size());
  const std::vector<float> u = testing::RandomFloats(size, 1), v = testing::RandomFloats(size, 2);
  const std::vector<double> hu = products.Run(u), hv = products.Run(v);
  const double scale = Norm(hv) * std::sqrt(static_cast<double>(size) / 3);  // |u| |Hv|
  EXPECT_NEAR(Dot(u, hv), Dot(v, hu), 1e-4 * scale);
}

// The forms by tangents of the layers against the products in the weights.
TEST_P(SmallNetworkTest, FormsAreThoseOfTheProducts) {
  Products products(GetParam().make(), HessianProduct::Mode::kProducts);
  Products forms(GetParam().make(), HessianProduct::Mode::kQuadraticForms);
  const std::vector<float> v = testing::RandomFloats(static_cast<int64_t>(products.size()), 3);
  const std::vector<double> hv = products.Run(v);
  const std::vector<double> of_tensors = forms.Run(v);
  size_t next = 0;
  for (size_t t = 0; t < of_tensors.size(); ++t) {
    double form = 0, scale = 0;
    for (int64_t i = 0; i < products.product->tensors()[t].values.elements(); ++i, ++next) {
      form += static_cast<double>(v[next]) * hv[next];
      scale += std::fabs(static_cast<double>(v[next]) * hv[next]);
    }
    EXPECT_NEAR(of_tensors[t], form, 1e-4 * scale) << t;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SmallNetworkTest,
                         ::testing::Values(Named{"convolutions", testing::Convolutions},
                                           Named{"depthwise", testing::Depthwise},
                                           Named{"tokens", testing::Tokens},
                                           Named{"shared", testing::SharedWeights},
                                           Named{"recurrent", testing::Recurrent},
                                           Named{"merged", testing::MergedTokens}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(HessianProductTest, EigenvaluesOfTheWholeNetworkAreThoseOfTheDenseMatrix) {
  Products products(testing::Regression(), HessianProduct::Mode::kProducts, LossKind::kMse);
  const size_t n = products.size();
  std::vector<double> dense;
  for (size_t i = 0; i < n; ++i) {
    std::vector<float> unit(n, 0.0f);
    unit[i] = 1;
    const std::vector<double> row = products.Run(unit);
    dense.insert(dense.end(), row.begin(), row.end());
  }
  const auto size = static_cast<Eigen::Index>(n);
  const Eigen::MatrixXd matrix = Eigen::Map<const Eigen::MatrixXd>(dense.data(), size, size);
  const Eigen::VectorXd exact =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(matrix).eigenvalues().reverse();
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianEigenvalue;
  options.loss = LossKind::kMse;
  options.network_eigenvalues = 3;
  const absl::StatusOr<SensitivityResult> result = testing::Measure(products.subject, options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->network_eigenvalues.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(result->network_eigenvalues[i], exact[static_cast<Eigen::Index>(i)],
                1e-3 * exact[static_cast<Eigen::Index>(i)])
        << i;
  }
}

class DigitsProductTest : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(DigitsProductTest, AgreesWithTorchsDoubleBackward) {
  const auto& [model, reference] = GetParam();
  const testing::Digits digits = testing::LoadDigits(model);
  Products products({digits.network, digits.calibration.Take(256)},
                    HessianProduct::Mode::kBlockProducts);
  const absl::StatusOr<std::string> bytes =
      ReadFile(testing::DigitsPath(absl::StrCat("reference_", reference, ".npz")));
  ASSERT_TRUE(bytes.ok());
  const auto arrays = ReadNpz(*bytes);
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  for (size_t t = 0; t < products.product->tensors().size(); ++t) {
    const std::vector<float> zeros(
        static_cast<size_t>(products.product->tensors()[t].values.elements()), 0.0f);
    ASSERT_TRUE(products.product->SetVector(0, t, zeros).ok());
  }
  for (const auto& [t, key] :
       {std::make_pair(size_t{0}, "conv1_weight"), std::make_pair(size_t{3}, "fc_weight")}) {
    const absl::Span<const float> v = arrays->at(absl::StrCat("v_", key)).data<float>();
    const absl::Span<const float> hv = arrays->at(absl::StrCat("Hv_", key)).data<float>();
    ASSERT_TRUE(products.product->SetVector(0, t, v).ok());
    ASSERT_TRUE(products.product->Run({}).ok());
    std::vector<double> difference = products.product->Result(0, t), exact;
    ASSERT_EQ(difference.size(), hv.size());
    for (size_t i = 0; i < hv.size(); ++i) {
      difference[i] -= hv[i];
      exact.push_back(hv[i]);
    }
    EXPECT_LT(Norm(difference), 1e-3 * Norm(exact)) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(All, DigitsProductTest,
                         ::testing::Values(std::make_pair("model.onnx", "bn"),
                                           std::make_pair("model_folded.onnx", "folded")),
                         [](const auto& info) { return std::string(info.param.second); });

// The largest eigenvalue of every block, or of every block's negative.
std::vector<double> LargestOfBlocks(Products& products, double sign) {
  const std::vector<WeightTensor>& tensors = products.product->tensors();
  std::vector<Lanczos> iterations;
  for (size_t t = 0; t < tensors.size(); ++t) {
    iterations.emplace_back(static_cast<size_t>(tensors[t].values.elements()), 1, 20, 0.05, t + 1);
  }
  const auto is_done = [](const Lanczos& iteration) { return iteration.done(); };
  while (!std::all_of(iterations.begin(), iterations.end(), is_done)) {
    std::vector<float> joint;
    for (const Lanczos& iteration : iterations) {
      joint.insert(joint.end(), iteration.vector().begin(), iteration.vector().end());
    }
    products.Run(joint);
    for (size_t t = 0; t < tensors.size(); ++t) {
      std::vector<double> product = products.product->Result(0, t);
      for (double& value : product) value *= sign;
      iterations[t].Advance(product);
    }
  }
  std::vector<double> largest;
  for (const Lanczos& iteration : iterations) largest.push_back(iteration.Eigenvalues()[0]);
  return largest;
}

// The papers' power iteration finds the eigenvalue that is largest in magnitude, Lanczos the
// largest one. In a trained network these are the same, and with smooth activations, where there
// are negative ones, too.
TEST(HawqTest, TheLargestEigenvaluesAreTheLargestInMagnitude) {
  const std::string folder = absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/");
  const absl::StatusOr<Graph> graph = ImportOnnxFile(absl::StrCat(folder, "vit.onnx"));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::StatusOr<std::string> bytes = ReadFile(absl::StrCat(folder, "calib.npz"));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  Products products({PrepareNetwork(*graph).value(), Dataset::FromNpz(*bytes)->Take(32)},
                    HessianProduct::Mode::kBlockProducts);
  const std::vector<double> largest = LargestOfBlocks(products, 1);
  const std::vector<double> lowest = LargestOfBlocks(products, -1);
  for (size_t t = 0; t < largest.size(); ++t) {
    EXPECT_GT(largest[t], lowest[t]) << products.product->tensors()[t].name;
  }
}

TEST(HawqTest, MetricsAreThoseOfTheirPapers) {
  const testing::Digits digits = testing::LoadDigits();
  const Subject subject = {digits.network, digits.calibration.Take(64)};
  SensitivityOptions options;
  const auto losses = [&](SensitivityMethod method) {
    options.method = method;
    const absl::StatusOr<SensitivityResult> result = testing::Measure(subject, options);
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<double> values;
    if (!result.ok()) return values;
    EXPECT_EQ(result->method, method);
    for (const LayerSensitivity& layer : result->layers) {
      for (const ChoiceLoss& choice : layer.choices) values.push_back(choice.loss);
    }
    return values;
  };
  const std::vector<double> trace = losses(SensitivityMethod::kHessianTraceExact);
  EXPECT_EQ(losses(SensitivityMethod::kHawqV2), trace);
  QuantizationOptions third;
  third.weight_symmetry = Symmetry::kSymmetricRestricted;
  const Calibration calibration =
      Calibrate(subject.network, subject.data, testing::WeightPrecisions(), third, {}).value();
  options.method = SensitivityMethod::kHessianTraceExact;
  const SensitivityResult of_third = MeasureSensitivity(subject.network, subject.data, calibration,
                                                        testing::WeightPrecisions(), options, {})
                                         .value();
  std::vector<double> third_losses;
  for (const LayerSensitivity& layer : of_third.layers) {
    for (const ChoiceLoss& choice : layer.choices) third_losses.push_back(choice.loss);
  }
  EXPECT_EQ(losses(SensitivityMethod::kHawqV3), third_losses) << "whatever the default is";
  const std::vector<double> eigenvalue = losses(SensitivityMethod::kHawqV1);
  EXPECT_EQ(eigenvalue, losses(SensitivityMethod::kHessianEigenvalue));
  for (size_t i = 0; i < trace.size(); ++i) EXPECT_LT(eigenvalue[i], trace[i]);
}

TEST(HawqTest, V2ProbesWhereTheGaussNewtonTraceIsNotTheHessians) {
  SensitivityOptions options;
  options.method = SensitivityMethod::kHawqV2;
  options.probes = 16;
  const absl::StatusOr<SensitivityResult> result = testing::Measure(testing::Tokens(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->probes, 16);
  EXPECT_EQ(result->layers[0].trace_kind, TraceKind::kHutchinson);
  EXPECT_EQ(result->layers[1].trace_kind, TraceKind::kExact);
  EXPECT_EQ(result->layers[2].trace_kind, TraceKind::kExact);
}

TEST(HessianMethodsTest, StopWhenCancelled) {
  for (const SensitivityMethod method :
       {SensitivityMethod::kHessianTrace, SensitivityMethod::kHessianTraceExact,
        SensitivityMethod::kHessianEigenvalue, SensitivityMethod::kHessianForm}) {
    const Subject subject = testing::Convolutions();
    const absl::StatusOr<Calibration> calibration =
        Calibrate(subject.network, subject.data, testing::WeightPrecisions(), {}, {});
    ASSERT_TRUE(calibration.ok());
    SensitivityOptions options;
    options.method = method;
    options.batch = 2;
    Progress progress;
    // Cancelled from inside, once it is under way.
    progress.report = [&](double fraction, absl::string_view) {
      if (fraction > 0) progress.cancellation.Cancel();
    };
    const absl::Status status = MeasureSensitivity(subject.network, subject.data, *calibration,
                                                   testing::WeightPrecisions(), options, progress)
                                    .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << SensitivityMethodName(method);
  }
}

// Activations that are finite, but whose squares are not.
TEST(HessianMethodsTest, NameTheLayerWhoseDerivativeIsNotFinite) {
  testing::NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 4})
      .Output("y")
      .Op("Gemm", {"x", "w1"}, {"h1"})
      .Op("Relu", {"h1"}, {"r1"})
      .Op("Gemm", {"r1", "w2"}, {"y"});
  builder.Weights("w1", Shape{4, 4}, 1e25).Weights("w2", Shape{4, 3}, 1e-24);
  const Subject subject = builder.Make(Shape{4}, 3);
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTraceExact;
  options.loss = LossKind::kMse;
  const absl::Status status = testing::Measure(subject, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("'y'"));
}

}  // namespace
}  // namespace halftone
