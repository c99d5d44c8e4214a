#include "profilers/simulated/area_model.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profilers/simulated/simulated_profiler.h"
#include "tests/profilers/simulated/accelerators.h"

namespace halftone {
namespace {

ProcessingElement Fixed(int64_t bits) { return {ProcessingElement::Kind::kFixed, bits, bits}; }

ProcessingElement Composable(int64_t fused) {
  ProcessingElement element = {ProcessingElement::Kind::kBitComposable, 16, 16};
  element.fused_bits = fused;
  return element;
}

// Per element of the published syntheses of 4 x 4 arrays: their areas divided by 16.
TEST(AreaModelTest, ElementsAreAsSynthesized) {
  EXPECT_NEAR(ElementArea(Fixed(2)), 1297.069 / 16, 0.1);
  EXPECT_NEAR(ElementArea(Fixed(4)), 3066.008 / 16, 0.1);
  EXPECT_NEAR(ElementArea(Fixed(8)), 8171.730 / 16, 0.1);
  EXPECT_NEAR(ElementArea(Fixed(16)), 26870.48 / 16, 1);
  EXPECT_NEAR(ElementArea(Composable(4)), 5670.202 / 16, 1);
  EXPECT_NEAR(ElementArea(Composable(8)), 27752.84 / 16, 3);
  EXPECT_NEAR(ElementArea(Composable(16)), 141302.2 / 16, 10);
  EXPECT_EQ(ElementArea(Composable(2)), ElementArea(Fixed(2))) << "a brick alone";
}

TEST(AreaModelTest, ElementsGrowWithTheirWidth) {
  for (int64_t bits = 1; bits < 16; ++bits) {
    EXPECT_LT(ElementArea(Fixed(bits)), ElementArea(Fixed(bits + 1))) << bits;
  }
  ProcessingElement serial = {ProcessingElement::Kind::kBitSerial, 16, 16};
  serial.serial_weights = true;
  EXPECT_LT(ElementArea(serial), ElementArea(Fixed(16)));
  const double one = ElementArea(serial);
  serial.products = 16;
  EXPECT_DOUBLE_EQ(ElementArea(serial), 16 * one);
}

// Of the published CACTI-P runs also those that the model does not pass through.
TEST(AreaModelTest, BuffersAreAsCactiSays) {
  EXPECT_NEAR(BufferArea(1024), 0.00882362, 1e-5);
  EXPECT_NEAR(BufferArea(2048), 0.015132, 0.08 * 0.015132);
  EXPECT_NEAR(BufferArea(4096), 0.0300607, 1e-5);
  EXPECT_NEAR(BufferArea(8192), 0.0575061, 0.01 * 0.0575061);
  EXPECT_NEAR(BufferArea(16384), 0.108577, 1e-4);
  EXPECT_GT(BufferArea(65536), 3.5 * BufferArea(16384));
  EXPECT_LT(BufferArea(65536), 4 * BufferArea(16384));
}

TEST(AreaModelTest, AnArrayIsItsElementsAndBuffers) {
  auto array = std::get<ProcessorArray>(FromCatalogue("bitfusion").machine);
  const auto area = AreaOf(array);
  ASSERT_TRUE(area.has_value());
  EXPECT_DOUBLE_EQ(area->elements_mm2, 512 * ElementArea(array.element) * 1e-6);
  EXPECT_DOUBLE_EQ(area->buffers_mm2, BufferArea(65536) + BufferArea(32768) + BufferArea(16384));
  EXPECT_DOUBLE_EQ(area->Total(), area->elements_mm2 + area->buffers_mm2);
  array.rows *= 2;
  EXPECT_DOUBLE_EQ(AreaOf(array)->elements_mm2, 2 * area->elements_mm2);
  EXPECT_DOUBLE_EQ(AreaOf(array)->buffers_mm2, area->buffers_mm2);
}

TEST(AreaModelTest, OtherTechnologiesNeedAreasOfTheirOwn) {
  ProcessorArray array = Square(10, Dataflow::kOutputStationary);
  array.weights_buffer_bytes = array.src_buffer_bytes = array.dst_buffer_bytes = 1000;
  array.energy.technology = "7 nm";
  EXPECT_FALSE(AreaOf(array).has_value());
  array.area.element_um2 = 20;
  EXPECT_FALSE(AreaOf(array).has_value());
  array.area.buffer_bit_um2 = 0.05;
  ASSERT_TRUE(AreaOf(array).has_value());
  EXPECT_DOUBLE_EQ(AreaOf(array)->elements_mm2, 100 * 20e-6);
  EXPECT_DOUBLE_EQ(AreaOf(array)->buffers_mm2, 3 * 8000 * 0.05e-6);
}

TEST(AreaModelTest, ArithmeticPowerIsEnergyTimesClock) {
  const ProcessorArray array = Square(10, Dataflow::kOutputStationary);
  EXPECT_DOUBLE_EQ(ArithmeticPower(array), 100 * (0.2 + 0.1) * 1e-12 * 500e6);
}

TEST(AreaModelTest, DescriptionsMayGiveAreas) {
  for (const CatalogueEntry& entry : AcceleratorCatalogue()) {
    if (std::string(entry.file) != "bitfusion.json") continue;
    std::string text = entry.json;
    text.insert(text.rfind('}'), R"(, "area": {"element_um2": 1000})");
    const auto accelerator = Accelerator::Parse(text, "mine.json");
    ASSERT_TRUE(accelerator.ok()) << accelerator.status();
    const auto area = AreaOf(std::get<ProcessorArray>(accelerator->machine));
    EXPECT_DOUBLE_EQ(area->elements_mm2, 0.512);
    const auto profiler = MakeSimulatedProfiler(*accelerator);
    EXPECT_DOUBLE_EQ(profiler->HardwareFigures().at("area_mm2"), area->Total());
    text.replace(text.find("element_um2"), 11, "element_acres");
    EXPECT_THAT(std::string(Accelerator::Parse(text, "mine.json").status().message()),
                testing::HasSubstr("element_acres"));
  }
}

}  // namespace
}  // namespace halftone
