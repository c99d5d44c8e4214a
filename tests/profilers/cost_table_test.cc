#include "profilers/cost_table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using testing::HasSubstr;

CostTable Example() {
  CostTable table;
  table.target = "cpu";
  table.device = {"a machine", "avx512", "a library 1.2", 4};
  table.batch = 8;
  table.fixed_latency_ns = 12.5;
  CostRow row;
  row.layer = "conv";
  row.precision = Precision::Int(4, 8);
  row.executed_as = Precision::Int(8, 8);
  row.latency_ns = 1000;
  row.mad_ns = 3;
  row.weight_bytes = 216.5;
  row.implementation = "jit";
  row.warning = "slow";
  row.origin = {"a machine", "2026-11-23T01:22:38Z", "a library 1.2"};
  table.rows.push_back(row);
  row.precision = row.executed_as = Precision::Float32();
  row.energy_pj = 7;
  row.cycles = 9;
  row.bound = "memory";
  row.provenance = Provenance::kSimulated;
  table.rows.push_back(row);
  table.edges.push_back({"conv", "fc", Precision::Float32(), Precision::Int(8, 8), 11, 0.5});
  table.network.push_back({Precision::Float32(), 2000, 2100.0});
  return table;
}

TEST(CostTableTest, FindsRowsByLayerAndPrecision) {
  const CostTable table = Example();
  EXPECT_EQ(table.Find("conv", Precision::Int(4, 8)), &table.rows[0]);
  EXPECT_EQ(table.Find("conv", Precision::Float32()), &table.rows[1]);
  EXPECT_EQ(table.Find("conv", Precision::Int(8, 8)), nullptr);
  EXPECT_EQ(table.Find("fc", Precision::Float32()), nullptr);
}

TEST(CostTableTest, JsonHasTheDocumentedFields) {
  const nlohmann::json json = CostTableToJson(Example());
  EXPECT_EQ(json["target"], "cpu");
  EXPECT_EQ(json["device"]["isa"], "avx512");
  EXPECT_EQ(json["layers"][0]["name"], "conv");
  EXPECT_EQ(json["layers"][0]["precision"], "w4a8");
  EXPECT_EQ(json["layers"][0]["executed_as"], "w8a8");
  EXPECT_TRUE(json["layers"][0]["energy_pj"].is_null());
  EXPECT_EQ(json["layers"][0]["provenance"], "measured");
  EXPECT_EQ(json["layers"][0]["origin"]["where"], "a machine");
  EXPECT_EQ(json["layers"][0]["origin"]["when"], "2026-11-23T01:22:38Z");
  EXPECT_EQ(json["layers"][0]["origin"]["with"], "a library 1.2");
  EXPECT_EQ(json["edges"][0]["to_precision"], "w8a8");
  EXPECT_EQ(json["network"][0]["measured_ns"], 2100);
}

TEST(CostTableTest, ReadsBackWhatItWrote) {
  const nlohmann::json json = CostTableToJson(Example());
  const auto table = CostTableFromJson(json);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(CostTableToJson(*table), json);
  EXPECT_EQ(table->rows[1].provenance, Provenance::kSimulated);
  EXPECT_EQ(table->fixed_latency_ns, 12.5);
}

TEST(CostTableTest, TimesAreUtcToTheSecond) {
  const absl::Time time = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(FormatUtc(time), "2023-11-14T22:13:20Z");
  EXPECT_EQ(*ParseUtc("2023-11-14T22:13:20Z"), time);
  EXPECT_FALSE(ParseUtc("2023-11-14").ok());
  EXPECT_FALSE(ParseUtc("").ok());
}

TEST(CostTableTest, BadInputIsNamed) {
  const auto error = [](const char* pointer, const nlohmann::json& value) {
    nlohmann::json json = CostTableToJson(Example());
    json[nlohmann::json::json_pointer(pointer)] = value;
    const absl::Status status = CostTableFromJson(json).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << pointer;
    return std::string(status.message());
  };
  EXPECT_THAT(error("/layers/1/latency_ns", -1), HasSubstr("layers[1].latency_ns"));
  EXPECT_THAT(error("/layers/0/latency_ns", "fast"), HasSubstr("layers[0].latency_ns"));
  EXPECT_THAT(error("/layers/0/weight_bytes", nullptr), HasSubstr("weight_bytes' is missing"));
  EXPECT_THAT(error("/layers/0/precision", "w99"), HasSubstr("w99"));
  EXPECT_THAT(error("/layers/0/provenance", "guessed"), HasSubstr("guessed"));
  EXPECT_THAT(error("/layers/0/origin", 4), HasSubstr("layers[0].origin"));
  EXPECT_THAT(error("/layers/0/origin/when", "yesterday"), HasSubstr("'yesterday'"));
  EXPECT_THAT(error("/edges", 3), HasSubstr("'edges' must be an array"));
  EXPECT_THAT(error("/edges/0", "x"), HasSubstr("edges[0]"));
  EXPECT_THAT(error("/batch", 1.5), HasSubstr("batch"));
  EXPECT_THAT(error("/device", 1), HasSubstr("device"));
  EXPECT_FALSE(CostTableFromJson(nlohmann::json::array()).ok());
}

}  // namespace
}  // namespace halftone
