#include "profilers/simulated/accelerator.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/profilers/simulated/accelerators.h"

namespace halftone {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json Description(const std::string& name) {
  for (const CatalogueEntry& entry : AcceleratorCatalogue()) {
    if (entry.file == name + ".json") return json::parse(entry.json);
  }
  return {};
}

// Some changes of a description, each on its own.
class AcceleratorTest : public testing::Test {
 protected:
  std::string Error(const json& document) const {
    const absl::Status status = Accelerator::Parse(document.dump(), "mine.json").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << document.dump();
    EXPECT_THAT(std::string(status.message()), HasSubstr("mine.json"));
    return std::string(status.message());
  }
  // Of a description in which the value at `pointer` is replaced.
  std::string ErrorWith(const json& base, const char* pointer, const json& value) const {
    json document = base;
    document[json::json_pointer(pointer)] = value;
    return Error(document);
  }
  std::string ErrorWithout(const json& base, const char* part, const char* field) const {
    json document = base;
    document[part].erase(field);
    return Error(document);
  }

  const json array_ = Description("bitfusion");
  const json fixed_ = Description("edge-tpu-like");
  const json serial_ = Description("bismo-like");
  const json roofline_ = Description("nvidia-t4");
};

TEST_F(AcceleratorTest, TheCatalogueIsValidAndNamesItsSources) {
  EXPECT_EQ(AcceleratorCatalogue().size(), 10u);
  for (const CatalogueEntry& entry : AcceleratorCatalogue()) {
    const auto accelerator = Accelerator::Parse(entry.json, entry.file);
    ASSERT_TRUE(accelerator.ok()) << accelerator.status();
    EXPECT_EQ(accelerator->name + ".json", entry.file);
    EXPECT_GE(accelerator->sources.size(), 3u) << entry.file;
    // Each part has a source, or the whole roofline has one.
    const json document = json::parse(entry.json);
    for (const auto& [part, value] : document.items()) {
      if (value.is_object() && part != "sources") {
        EXPECT_TRUE(accelerator->sources.count(part) == 1) << entry.file << " " << part;
      }
    }
  }
}

TEST_F(AcceleratorTest, BitFusionIsThePublishedOne) {
  const auto array = std::get<ProcessorArray>(FromCatalogue("bitfusion").machine);
  EXPECT_EQ(array.rows, 16);
  EXPECT_EQ(array.columns, 32);
  EXPECT_EQ(array.dram_bits_per_cycle, 192);
  EXPECT_EQ(array.weights_buffer_bytes + array.src_buffer_bytes + array.dst_buffer_bytes,
            112 * 1024);
}

TEST_F(AcceleratorTest, ValuesOutOfBounds) {
  EXPECT_THAT(ErrorWith(array_, "/dram/bits_per_cycle", -128),
              HasSubstr("'dram.bits_per_cycle' must be more than 0"));
  EXPECT_THAT(ErrorWith(array_, "/dram/bits_per_cycle", 0), HasSubstr("must be more than 0"));
  EXPECT_THAT(ErrorWith(array_, "/array/columns", 1'000'000),
              HasSubstr("'array.columns' must be an integer from 1 to 65536"));
  EXPECT_THAT(ErrorWith(array_, "/array/rows", 0), HasSubstr("'array.rows'"));
  EXPECT_THAT(ErrorWith(array_, "/array/clock_mhz", 1e30), HasSubstr("'array.clock_mhz'"));
  EXPECT_THAT(ErrorWith(array_, "/buffers/src_bytes", -1), HasSubstr("'buffers.src_bytes'"));
  EXPECT_THAT(ErrorWith(array_, "/energy/dram_64_bits_pj", -1),
              HasSubstr("'energy.dram_64_bits_pj' must be at least 0"));
  EXPECT_THAT(ErrorWith(array_, "/processing_element/weight_bits", 32),
              HasSubstr("'processing_element.weight_bits'"));
  EXPECT_THAT(ErrorWith(roofline_, "/roofline/memory_bytes_per_second", -1),
              HasSubstr("'roofline.memory_bytes_per_second'"));
  EXPECT_THAT(ErrorWith(roofline_, "/roofline/operations_per_second/w8a8", -5),
              HasSubstr("'roofline.operations_per_second.w8a8' must be at least 1e-06"));
  EXPECT_THAT(ErrorWith(array_, "/array/clock_mhz", 1e-300),
              HasSubstr("'array.clock_mhz' must be at least 1e-06"));
}

TEST_F(AcceleratorTest, WrongTypes) {
  EXPECT_THAT(ErrorWith(array_, "/array/rows", "many"), HasSubstr("'array.rows' must be"));
  EXPECT_THAT(ErrorWith(array_, "/array/rows", 2.5), HasSubstr("'array.rows' must be an integer"));
  EXPECT_THAT(ErrorWith(array_, "/array", 7), HasSubstr("'array' must be an object"));
  EXPECT_THAT(ErrorWith(array_, "/buffers/double_buffered", 1),
              HasSubstr("'buffers.double_buffered' must be true or false"));
  EXPECT_THAT(ErrorWith(array_, "/array/dataflow", "row-stationary"),
              HasSubstr("'array.dataflow' must be one of output-stationary, weight-stationary"));
  EXPECT_THAT(ErrorWith(array_, "/processing_element/kind", "analog"), HasSubstr("must be one of"));
  EXPECT_THAT(ErrorWith(serial_, "/processing_element/serial", "none"),
              HasSubstr("must be one of weights, activations, both"));
  EXPECT_THAT(ErrorWith(fixed_, "/processing_element/wider", "fits"),
              HasSubstr("must be one of refused, passes"));
  EXPECT_THAT(ErrorWith(array_, "/sources/array", 3), HasSubstr("'sources'"));
  EXPECT_THAT(ErrorWith(roofline_, "/roofline/operations_per_second", json::array()),
              HasSubstr("'roofline.operations_per_second' must be an object"));
}

TEST_F(AcceleratorTest, UnknownFields) {
  EXPECT_THAT(ErrorWith(array_, "/array/colums", 3),
              HasSubstr("'array.colums' is not a known field"));
  EXPECT_THAT(ErrorWith(array_, "/prize", 3), HasSubstr("'prize' is not a known field"));
  EXPECT_THAT(ErrorWith(array_, "/processing_element/products", 3), HasSubstr("not a known field"));
  EXPECT_THAT(ErrorWith(roofline_, "/dram", json::object()), HasSubstr("'dram' is not a known"));
}

TEST_F(AcceleratorTest, MissingFields) {
  EXPECT_THAT(ErrorWithout(array_, "buffers", "dst_bytes"),
              HasSubstr("'buffers.dst_bytes' is missing"));
  EXPECT_THAT(ErrorWithout(array_, "energy", "technology"),
              HasSubstr("'energy.technology' is missing"));
  EXPECT_THAT(ErrorWithout(serial_, "processing_element", "serial"), HasSubstr("is missing"));
  EXPECT_THAT(ErrorWithout(roofline_, "roofline", "operations_per_second"),
              HasSubstr("is missing"));
  for (const char* part : {"name", "description", "sources", "buffers", "energy", "dram"}) {
    json document = array_;
    document.erase(part);
    EXPECT_THAT(Error(document), HasSubstr(std::string("'") + part + "' is missing"));
  }
  json neither = array_;
  neither.erase("array");
  EXPECT_THAT(Error(neither), HasSubstr("either"));
}

TEST_F(AcceleratorTest, OtherTechnologiesNeedAllTheirFigures) {
  json document = array_;
  document["energy"]["technology"] = "7 nm";
  EXPECT_THAT(Error(document), HasSubstr("'energy.multiply_8x8_pj' is missing"));
  document["energy"] = {{"technology", "7 nm"},
                        {"multiply_8x8_pj", 0.02},
                        {"accumulate_pj", 0.01},
                        {"dram_64_bits_pj", 500}};
  EXPECT_THAT(Error(document), HasSubstr("'energy.buffer_64_bits_pj' is missing"));
  document["energy"]["buffer_64_bits_pj"] = 3;
  EXPECT_TRUE(Accelerator::Parse(document.dump(), "x").ok());
}

TEST_F(AcceleratorTest, WhatDoesNotGoTogether) {
  EXPECT_THAT(ErrorWith(array_, "/array/exposed_drain", true), HasSubstr("'array.exposed_drain'"));
  EXPECT_THAT(ErrorWith(array_, "/processing_element/brick_bits", 3), HasSubstr("brick_bits"));
  EXPECT_THAT(ErrorWith(roofline_, "/roofline/operations_per_second", json::object()),
              HasSubstr("at least"));
  EXPECT_THAT(ErrorWith(roofline_, "/roofline/operations_per_second/w4", 1e9),
              HasSubstr("not named by a precision that is executed"));
  EXPECT_THAT(ErrorWith(roofline_, "/roofline/operations_per_second/int8", 1e9),
              HasSubstr("not named by a precision"));
  json energy = {{"technology", "x"}, {"operation_pj", {{"w8a8", 1}}}, {"memory_64_bits_pj", 1}};
  EXPECT_THAT(ErrorWith(roofline_, "/energy", energy), HasSubstr("is missing"));
  energy["operation_pj"] = {{"w8a8", 1}, {"w4a4", 1}, {"f16", 1}, {"f32", 1}, {"bf16", 1}};
  EXPECT_THAT(ErrorWith(roofline_, "/energy", energy), HasSubstr("without a peak"));
}

TEST_F(AcceleratorTest, BadNames) {
  for (const char* name : {"../x", "", "7up", "a b"}) {
    EXPECT_THAT(ErrorWith(array_, "/name", name), HasSubstr("'name'"));
  }
}

TEST_F(AcceleratorTest, NotJson) {
  for (const char* text : {"", "{", "[]", "3", "\xff\xfe", R"({"array":{"rows":1e999}})",
                           R"({"array":{"rows":NaN}})"}) {
    EXPECT_EQ(Accelerator::Parse(text, "x").status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(AcceleratorTest, AChangedValueIsChecked) {
  Accelerator accelerator = FromCatalogue("bitfusion");
  EXPECT_TRUE(CheckAccelerator(accelerator).ok());
  auto& array = std::get<ProcessorArray>(accelerator.machine);
  array.dram_bits_per_cycle = std::nan("");
  EXPECT_THAT(std::string(CheckAccelerator(accelerator).message()),
              HasSubstr("'dram.bits_per_cycle'"));
  array.dram_bits_per_cycle = 64;
  array.rows = -3;
  EXPECT_THAT(std::string(CheckAccelerator(accelerator).message()), HasSubstr("'array.rows'"));
}

TEST_F(AcceleratorTest, ParametersReplaceValues) {
  const auto accelerator = Accelerator::Parse(
      array_.dump(), "x", "rows=64&clock_mhz=700&dataflow=output-stationary&double_buffered=false");
  ASSERT_TRUE(accelerator.ok()) << accelerator.status();
  EXPECT_EQ(accelerator->name,
            "bitfusion?rows=64&clock_mhz=700&dataflow=output-stationary&double_buffered=false");
  const auto& array = std::get<ProcessorArray>(accelerator->machine);
  EXPECT_EQ(array.rows, 64);
  EXPECT_EQ(array.clock_mhz, 700);
  EXPECT_EQ(array.dataflow, Dataflow::kOutputStationary);
  EXPECT_FALSE(array.double_buffered);
  const auto roofline =
      Accelerator::Parse(roofline_.dump(), "x", "operations_per_second.w8a8=1e12");
  ASSERT_TRUE(roofline.ok()) << roofline.status();
  EXPECT_EQ(std::get<RooflineProcessor>(roofline->machine).operations_per_second.at("w8a8"), 1e12);
}

TEST_F(AcceleratorTest, WrongParametersAreNamed) {
  const auto error = [&](const std::string& parameters) {
    const absl::Status status = Accelerator::Parse(array_.dump(), "x", parameters).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << parameters;
    return std::string(status.message());
  };
  EXPECT_THAT(error("rosw=3"), HasSubstr("unknown parameter 'rosw'; there are activation_bits"));
  EXPECT_THAT(error("rows=-3"), HasSubstr("'array.rows'"));
  EXPECT_THAT(error("rows=many"), HasSubstr("'array.rows'"));
  EXPECT_THAT(error("rows"), HasSubstr("'array.rows'"));
  EXPECT_THAT(error("&"), HasSubstr("unknown parameter ''"));
  EXPECT_THAT(error("name=x"), HasSubstr("unknown parameter 'name'"));
  EXPECT_THAT(error(std::string(5000, 'x')), HasSubstr("4096"));
}

}  // namespace
}  // namespace halftone
