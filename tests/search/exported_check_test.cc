#include "search/exported_check.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/onnx/export.h"
#include "nn/onnx/import.h"
#include "search/measure_plan.h"
#include "tests/search/sensitivity/digits.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::Digits;
using Assignment = std::map<std::string, Precision>;

const std::vector<Precision>& Offered() {
  static const auto* const kOffered =
      new std::vector<Precision>{Precision::Int(2, 2), Precision::Int(4, 8), Precision::Int(8, 8),
                                 Precision::Int(12, 12), *Precision::Parse("bf16")};
  return *kOffered;
}

Assignment All(const PreparedNetwork& network, const Precision& precision) {
  Assignment assignment;
  for (const Layer& layer : network.layers.layers) assignment[layer.name] = precision;
  return assignment;
}

TEST(ExportedCheck, WhatIsWrittenIsTheNetwork) {
  const Digits digits = testing::LoadDigits();
  const auto calibration = Calibrate(digits.network, digits.calibration, Offered(), {}, {});
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  for (const Precision& precision : Offered()) {
    const auto checked = ExportChecked(digits.network, digits.calibration, *calibration,
                                       All(digits.network, precision), {});
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(checked->difference.samples, 16);
    EXPECT_LT(checked->difference.difference, 1e-5) << precision.ToString();
    EXPECT_EQ(checked->difference.quantization > 0, precision.weights.IsInteger());
  }
}

TEST(ExportedCheck, TellsAnotherNetworkApart) {
  const Digits digits = testing::LoadDigits();
  const auto calibration = Calibrate(digits.network, digits.calibration, Offered(), {}, {});
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  const Assignment written = All(digits.network, Precision::Int(2, 2));
  const auto quantizers = QuantizersOf(*calibration, written);
  ASSERT_TRUE(quantizers.ok()) << quantizers.status();
  const auto model = ExportQuantizedOnnx(digits.network.file, *quantizers);
  ASSERT_TRUE(model.ok()) << model.status();
  for (const Precision& meant : {Precision::Float32(), Precision::Int(8, 8)}) {
    const auto difference = CompareExported(*model, digits.network, digits.calibration,
                                            *calibration, All(digits.network, meant), {});
    ASSERT_TRUE(difference.ok()) << difference.status();
    EXPECT_GT(difference->difference, 0.01 + difference->quantization);
  }
  ExportedOnnx none;
  none.bytes = "no model";
  EXPECT_FALSE(
      CompareExported(none, digits.network, digits.calibration, *calibration, {}, {}).ok());
}

TEST(ExportedCheck, LargeTensorsAreInAnotherFile) {
  const Digits digits = testing::LoadDigits();
  const auto calibration = Calibrate(digits.network, digits.calibration, Offered(), {}, {});
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  const Assignment assignment = All(digits.network, Precision::Int(4, 8));
  const auto whole =
      ExportChecked(digits.network, digits.calibration, *calibration, assignment, {});
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->model.external_data, "");
  ExportOptions options;
  options.max_file_bytes = static_cast<int64_t>(whole->model.bytes.size()) - 1;
  const auto parted =
      ExportChecked(digits.network, digits.calibration, *calibration, assignment, {}, options);
  ASSERT_TRUE(parted.ok()) << parted.status();
  EXPECT_LT(parted->model.bytes.size(), whole->model.bytes.size());
  EXPECT_GT(parted->model.external_data.size(), 1024u);
  EXPECT_EQ(parted->difference.difference, whole->difference.difference);
  EXPECT_THAT(*ExternalLocationsOf(parted->model.bytes), ::testing::ElementsAre(kExternalDataFile));
}

// With samples along another axis, and for one batch, too: what is written is arranged as the file.
TEST(ExportedCheck, InputsAndOutputsKeepTheirFloats) {
  for (const DataType type : {DataType::kFloat16, DataType::kBFloat16, DataType::kFloat64}) {
    for (const int64_t batch : {Shape::kDynamic, int64_t{4}}) {
      testing::NetworkBuilder builder;
      builder.Weights("w", {7, 6}).Weights("v", {6, 5}).Input("x", {3, batch, 7}, type);
      builder.SampleAxis(1).Op("MatMul", {"x", "w"}, {"h"}).Op("MatMul", {"h", "v"}, {"y"});
      builder.Output("h", type).Output("y", type);
      const testing::Subject subject = builder.Make({3, 7}, 5);
      const auto calibration = Calibrate(subject.network, subject.data, Offered(), {}, {});
      ASSERT_TRUE(calibration.ok()) << calibration.status();
      const auto checked = ExportChecked(subject.network, subject.data, *calibration,
                                         All(subject.network, Precision::Int(4, 8)), {});
      ASSERT_TRUE(checked.ok()) << checked.status();
      EXPECT_LT(checked->difference.difference, 1e-5);
      EXPECT_GT(checked->difference.quantization, 0.001);
      const Graph read = *ImportOnnx(checked->model.bytes, {});
      EXPECT_EQ(read.inputs[0].info.type, type);
      EXPECT_EQ(read.inputs[0].info.shape, (Shape{3, batch, 7}));
      for (const Port& output : read.outputs) EXPECT_EQ(output.info.type, type) << output.name;
    }
  }
}

// A weight vector has one scale, and its rounding is not for nothing.
TEST(ExportedCheck, AVectorHasOneScale) {
  testing::NetworkBuilder builder;
  builder.Weights("w", {7, 7}).Weights("v", {7}).Input("x", {Shape::kDynamic, 5, 7});
  builder.Op("MatMul", {"x", "w"}, {"h"}).Op("MatMul", {"h", "v"}, {"y"}).Output("y");
  const testing::Subject subject = builder.Make({5, 7}, 5);
  const std::string& layer = subject.network.layers.layers[1].name;
  EXPECT_EQ(subject.network.layers.layers[1].channel_axis, -1);
  EXPECT_EQ(subject.network.layers.layers[1].Channels(), 1);
  const auto calibration = Calibrate(subject.network, subject.data, Offered(), {}, {});
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  const auto quantizers = calibration->Find(layer, Precision::Int(2, 2));
  ASSERT_TRUE(quantizers.ok()) << quantizers.status();
  EXPECT_EQ(quantizers->weights->scales.size(), 1u);
  const auto checked = ExportChecked(subject.network, subject.data, *calibration,
                                     {{layer, Precision::Int(2, 2)}}, {});
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_LT(checked->difference.difference, 1e-5);
  EXPECT_GT(checked->difference.quantization, 0.01);
}

}  // namespace
}  // namespace halftone
