#include <algorithm>
#include <map>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/data/dataset.h"
#include "nn/data/npz.h"
#include "nn/engine/derivative.h"
#include "nn/engine/losses.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "tests/nn/engine/run_program.h"

// A trained network against torch: logits, gradients, Hessian-vector products, Hessian blocks.
namespace halftone {
namespace {

constexpr int64_t kSamples = 256;
constexpr int64_t kClasses = 10;
const char* const kLayers[] = {"conv1", "fc"};

std::string DataPath(const std::string& file) {
  return absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/tiny-digits/", file);
}

std::vector<float> Floats(const Tensor& tensor) {
  const absl::Span<const float> values = tensor.data<float>();
  return {values.begin(), values.end()};
}

struct Variant {
  const char* name;
  const char* model;
  const char* reference;
};
void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

class TinyDigitsTest : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    const std::string reference_bytes = ReadFile(DataPath(GetParam().reference)).value();
    reference_ = ReadNpz(reference_bytes).value();
    const std::string data_bytes = ReadFile(DataPath("calib.npz")).value();
    data_ = ReadNpz(data_bytes).value();
    const auto graph = ImportOnnxFile(DataPath(GetParam().model));
    ASSERT_TRUE(graph.ok()) << graph.status();
    const auto bound = BindBatch(*graph, kSamples);
    ASSERT_TRUE(bound.ok()) << bound.status();
    auto lowered = LowerGraph(*bound);
    ASSERT_TRUE(lowered.ok()) << lowered.status();
    lowered_ = *std::move(lowered);
    BuildDerivatives();
    SetInputs();
  }

  // The loss's gradient in each layer's weights, and that layer's own Hessian block times v.
  void BuildDerivatives() {
    ProgramBuilder& builder = lowered_.builder;
    const ValueId targets = builder.AddInput("targets", Shape{kSamples, kClasses});
    const ValueId losses =
        ops::CrossEntropyPerSample(builder, lowered_.values.at("logits"), targets).value();
    const ValueId loss = ops::Mean(builder, losses).value();
    outputs_ = {{"logits", lowered_.values.at("logits")}, {"loss", loss}};
    for (const std::string layer : kLayers) {
      const ValueId weights = lowered_.values.at(layer + ".weight");
      const ValueId v = builder.AddInput("v_" + layer, builder.shape(weights));
      const ValueId one = builder.AddScalar(1.0f);
      const ValueId gradient = AppendVjp(builder, {loss}, {one}, {weights}).value()[0];
      const ValueId product = AppendVjp(builder, {gradient}, {v}, {weights}).value()[0];
      outputs_.push_back({"grad_" + layer, gradient});
      outputs_.push_back({"Hv_" + layer, product});
    }
  }

  void SetInputs() {
    std::vector<float> images = Floats(data_.at("input"));
    images.resize(kSamples * 64);
    inputs_["input"] = images;
    std::vector<float>& targets = inputs_["targets"];
    targets.assign(kSamples * kClasses, 0.0f);
    const std::vector<int64_t> labels = data_.at("labels").ToInts().value();
    for (size_t i = 0; i < kSamples; ++i) {
      targets[i * kClasses + static_cast<size_t>(labels[i])] = 1.0f;
    }
    for (const std::string layer : kLayers) {
      inputs_["v_" + layer] = Floats(reference_.at("v_" + layer + "_weight"));
    }
  }

  std::vector<float> Reference(const std::string& name) const {
    return Floats(reference_.at(name));
  }

  std::map<std::string, Tensor> reference_, data_;
  LoweredGraph lowered_;
  std::vector<std::pair<std::string, ValueId>> outputs_;
  NamedFloats inputs_;
};

TEST_P(TinyDigitsTest, AgreesWithTorch) {
  const auto run = RunProgram(lowered_.builder, outputs_, inputs_);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_LT(RelativeError(run->at("logits"), Reference("logits")), 1e-5);
  EXPECT_NEAR(run->at("loss")[0], 0.0055871145f, 1e-7f);
  for (const std::string layer : kLayers) {
    EXPECT_LT(RelativeError(run->at("grad_" + layer), Reference("grad_" + layer + "_weight")), 5e-5)
        << layer;
    EXPECT_LT(RelativeError(run->at("Hv_" + layer), Reference("Hv_" + layer + "_weight")), 2e-5)
        << layer;
  }
}

TEST_P(TinyDigitsTest, UnitVectorsGiveColumnsOfTheDenseHessian) {
  const auto executable = Executable::Compile(lowered_.builder.Build(outputs_));
  ASSERT_TRUE(executable.ok()) << executable.status();
  const auto session = Session::Create(*executable);
  ASSERT_TRUE(session.ok()) << session.status();
  for (const auto& [name, values] : inputs_) ASSERT_TRUE((*session)->SetInput(name, values).ok());
  for (const std::string layer : kLayers) {
    const std::vector<float> block = Reference("H_" + layer + "_weight");
    const size_t size = inputs_.at("v_" + layer).size();
    ASSERT_EQ(block.size(), size * size);
    for (const size_t column : {size_t{0}, size / 2, size - 1}) {
      std::vector<float> unit(size, 0.0f);
      unit[column] = 1.0f;
      ASSERT_TRUE((*session)->SetInput("v_" + layer, unit).ok());
      ASSERT_TRUE((*session)->Run().ok());
      const absl::Span<const float> product = (*session)->Output("Hv_" + layer).value();
      // The block is symmetric: its rows are its columns.
      const std::vector<float> expected(
          block.begin() + static_cast<std::ptrdiff_t>(column * size),
          block.begin() + static_cast<std::ptrdiff_t>((column + 1) * size));
      EXPECT_LT(RelativeError({product.begin(), product.end()}, expected), 2e-5)
          << layer << " column " << column;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Variants, TinyDigitsTest,
    testing::Values(Variant{"BatchNorm", "model.onnx", "reference_bn.npz"},
                    Variant{"Folded", "model_folded.onnx", "reference_folded.npz"}),
    [](const testing::TestParamInfo<Variant>& info) { return info.param.name; });

}  // namespace
}  // namespace halftone
