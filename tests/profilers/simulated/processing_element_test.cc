#include "profilers/simulated/processing_element.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using Kind = ProcessingElement::Kind;

ElementWork Work(const ProcessingElement& element, int weight_bits, int activation_bits) {
  const absl::StatusOr<ElementWork> work = ElementWorkOf(element, weight_bits, activation_bits);
  EXPECT_TRUE(work.ok()) << work.status();
  return work.value_or(ElementWork());
}

double ProductsPerCycle(const ProcessingElement& element, int weight_bits, int activation_bits) {
  const ElementWork work = Work(element, weight_bits, activation_bits);
  return work.products / work.cycles;
}

// 16 / ((w/2)(a/2)), widths rounded up to 2, 4, 8 and 16.
TEST(ProcessingElementTest, BricksAreFusedToTheOperands) {
  const ProcessingElement fusion_unit = {Kind::kBitComposable, 16, 16};
  EXPECT_EQ(ProductsPerCycle(fusion_unit, 2, 2), 16);
  EXPECT_EQ(ProductsPerCycle(fusion_unit, 4, 4), 4);
  EXPECT_EQ(ProductsPerCycle(fusion_unit, 8, 8), 1);
  EXPECT_EQ(ProductsPerCycle(fusion_unit, 16, 16), 0.25);
  EXPECT_EQ(ProductsPerCycle(fusion_unit, 2, 8), 4);
  EXPECT_EQ(ProductsPerCycle(fusion_unit, 16, 2), 2);
  const ElementWork odd = Work(fusion_unit, 3, 5);
  EXPECT_EQ(odd.weight_bits, 4);
  EXPECT_EQ(odd.activation_bits, 8);
  EXPECT_EQ(odd.products, 2);
  EXPECT_EQ(odd.cycles, 1);
  EXPECT_EQ(Work(fusion_unit, 1, 9).weight_bits, 2);
  EXPECT_EQ(Work(fusion_unit, 1, 9).activation_bits, 16);
}

TEST(ProcessingElementTest, SerialOperandsTakeACyclePerBit) {
  ProcessingElement element = {Kind::kBitSerial, 16, 16, 256};
  element.serial_weights = element.serial_activations = true;  // BISMO, Loom
  EXPECT_EQ(Work(element, 3, 5).cycles, 15);
  EXPECT_EQ(Work(element, 3, 5).products, 256);
  element.serial_activations = false;  // UNPU
  EXPECT_EQ(Work(element, 3, 5).cycles, 3);
  EXPECT_EQ(Work(element, 3, 5).activation_bits, 16);
  element.serial_weights = false;
  element.serial_activations = true;  // Stripes
  EXPECT_EQ(Work(element, 3, 5).cycles, 5);
  EXPECT_EQ(Work(element, 3, 5).weight_bits, 16);
  EXPECT_EQ(Work(element, 3, 5).activation_bits, 5);
}

TEST(ProcessingElementTest, AFixedElementRunsNarrowerOperandsInItsOwnWidth) {
  const ProcessingElement element = {Kind::kFixed, 8, 8};
  const ElementWork work = Work(element, 3, 5);
  EXPECT_EQ(work.weight_bits, 8);
  EXPECT_EQ(work.activation_bits, 8);
  EXPECT_EQ(work.products / work.cycles, 1);
}

TEST(ProcessingElementTest, WiderOperandsAreRefusedOrTakePasses) {
  ProcessingElement element = {Kind::kFixed, 8, 8};
  const absl::Status refused = ElementWorkOf(element, 9, 8).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("weights of 9 bits"));
  EXPECT_EQ(ElementWorkOf(element, 8, 16).status().code(), absl::StatusCode::kUnimplemented);
  element.passes = true;
  EXPECT_EQ(Work(element, 9, 16).cycles, 4);
  EXPECT_EQ(Work(element, 9, 16).weight_bits, 16);
  EXPECT_EQ(Work(element, 8, 16).cycles, 2);
}

TEST(ProcessingElementTest, FewerBitsNeverTakeLonger) {
  ProcessingElement serial = {Kind::kBitSerial, 16, 16, 4};
  serial.serial_weights = serial.serial_activations = true;
  ProcessingElement passes = {Kind::kFixed, 4, 8};
  passes.passes = true;
  for (const ProcessingElement& element :
       {ProcessingElement{Kind::kBitComposable, 16, 16}, serial, passes}) {
    for (int bits = 1; bits < 16; ++bits) {
      for (int other = 1; other <= 16; ++other) {
        EXPECT_GE(ProductsPerCycle(element, bits, other),
                  ProductsPerCycle(element, bits + 1, other));
        EXPECT_GE(ProductsPerCycle(element, other, bits),
                  ProductsPerCycle(element, other, bits + 1));
      }
    }
  }
}

}  // namespace
}  // namespace halftone
