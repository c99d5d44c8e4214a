#include "profilers/table/table_profiler.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "nn/quant/weight_bytes.h"
#include "tests/profilers/small_network.h"

namespace halftone {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr char kLayers[][10] = {"conv", "depthwise", "strided", "fc"};

class TableProfilerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(network_.Bind(1).ok());
    request_.graph = &network_.graph();
    request_.layers = &network_.layers();
    request_.precisions = {*Precision::Parse("f32"), *Precision::Parse("w8a8")};
  }

  static TargetFile File(const std::string& name, const std::string& text) {
    return {name, text, absl::FromUnixSeconds(1'700'000'000)};
  }

  // The error of reading the file, or else of profiling with it.
  std::string Error(const std::string& name, const std::string& text) {
    const auto profiler = MakeTableProfiler(File(name, text));
    const absl::Status status =
        profiler.ok() ? (*profiler)->Profile(request_, {}).status() : profiler.status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    return std::string(status.message());
  }
  std::string CsvError(const std::string& find, const std::string& replacement) {
    const std::string text = absl::StrReplaceAll(Csv(), {{find, replacement}});
    EXPECT_NE(text, Csv());
    return Error("costs.csv", text);
  }
  std::string JsonError(const char* pointer, const json& value) {
    json document = Minimal();
    document[json::json_pointer(pointer)] = value;
    return Error("costs.json", document.dump());
  }

  // Line 2 is conv in f32, line 3 conv in w8a8, and so on.
  static std::string Csv() {
    std::string text = "layer,precision,latency_ns,energy_pj,to_layer,to_precision\n";
    double latency = 1000;
    for (const char* layer : kLayers) {
      absl::StrAppend(&text, layer, ",f32,", latency += 100, ",,,\n");
      absl::StrAppend(&text, layer, ",w8a8,", latency / 4, ",7.5,,\n");
    }
    return absl::StrCat(text, "conv,f32,33,,depthwise,w8a8\n,,500,,,\n");
  }

  static json Minimal() {
    json layers = json::array();
    for (const char* layer : kLayers) {
      layers.push_back({{"name", layer}, {"precision", "f32"}, {"latency_ns", 1000}});
      layers.push_back({{"name", layer}, {"precision", "w8a8"}, {"latency_ns", 250}});
    }
    const json edge = {{"from", "conv"},
                       {"to", "depthwise"},
                       {"from_precision", "f32"},
                       {"to_precision", "w8a8"},
                       {"latency_ns", 33}};
    return {{"layers", layers}, {"edges", json::array({edge})}};
  }

  SmallNetwork network_;
  ProfileRequest request_;
};

TEST_F(TableProfilerTest, GivesTheCostsOfACsvFile) {
  const auto profiler = MakeTableProfiler(File("costs.csv", Csv()));
  ASSERT_TRUE(profiler.ok()) << profiler.status();
  EXPECT_EQ((*profiler)->target(), "costs.csv");
  EXPECT_TRUE((*profiler)->Supports(*Precision::Parse("w8a8")));
  EXPECT_FALSE((*profiler)->Supports(*Precision::Parse("w4a4")));
  EXPECT_THAT((*profiler)->Precisions(), testing::UnorderedElementsAreArray(request_.precisions));
  const auto table = (*profiler)->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  const CostRow* row = table->Find("conv", *Precision::Parse("w8a8"));
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->latency_ns, 275);
  EXPECT_EQ(row->energy_pj, 7.5);
  EXPECT_EQ(row->executed_as, row->precision);
  EXPECT_EQ(row->weight_bytes, PackedWeightBytes(*network_.layers().Find("conv"), row->precision));
  EXPECT_EQ(row->provenance, Provenance::kTable);
  EXPECT_EQ(row->origin.where, "costs.csv, line 3");
  EXPECT_EQ(row->origin.when, "2023-11-14T22:13:20Z");
  EXPECT_FALSE(table->Find("conv", *Precision::Parse("f32"))->energy_pj.has_value());
  ASSERT_EQ(table->edges.size(), 1u);
  EXPECT_EQ(table->edges[0].from, "conv");
  EXPECT_EQ(table->edges[0].to_precision, *Precision::Parse("w8a8"));
  EXPECT_EQ(table->edges[0].latency_ns, 33);
  EXPECT_EQ(table->fixed_latency_ns, 500);
  EXPECT_EQ(table->network[0].predicted_ns, 500 + 1100 + 1200 + 1300 + 1400);
}

TEST_F(TableProfilerTest, AMinimalJsonFileIsEnough) {
  const auto profiler = MakeTableProfiler(File("costs.json", Minimal().dump()));
  ASSERT_TRUE(profiler.ok()) << profiler.status();
  const auto table = (*profiler)->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->network[1].predicted_ns, 1000);
  EXPECT_EQ(table->rows[0].origin.where, "costs.json, layers[0]");
  EXPECT_GT(table->rows[0].weight_bytes, 0);
  EXPECT_EQ(table->edges.size(), 1u);
}

TEST_F(TableProfilerTest, ASavedProfileIsATarget) {
  CostTable saved;
  saved.target = "cpu";
  saved.device = {"a machine", "avx512", "a library 1.2", 4};
  saved.fixed_latency_ns = 12;
  for (const char* layer : kLayers) {
    CostRow row;
    row.layer = layer;
    row.precision = row.executed_as = *Precision::Parse("w8a8");
    row.latency_ns = 100;
    row.weight_bytes = 216.5;
    row.implementation = "jit";
    row.origin = {"a machine", "2026-11-23T01:22:38Z", "a library 1.2"};
    saved.rows.push_back(row);
  }
  saved.network.push_back({*Precision::Parse("w8a8"), 412, 420.0});
  request_.precisions = {*Precision::Parse("w8a8")};
  const auto profiler = MakeTableProfiler(File("saved.json", CostTableToJson(saved).dump()));
  ASSERT_TRUE(profiler.ok()) << profiler.status();
  const auto table = (*profiler)->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  // It is not the processor that it was measured on.
  EXPECT_EQ(table->target, "saved.json");
  EXPECT_EQ(table->device.name, "a machine");
  EXPECT_EQ(table->rows[3].weight_bytes, 216.5);
  EXPECT_EQ(table->rows[3].implementation, "jit");
  EXPECT_EQ(table->rows[3].provenance, Provenance::kTable);
  EXPECT_EQ(table->rows[3].origin.where, "saved.json, layers[3]");
  EXPECT_EQ(table->rows[3].origin.when, "2026-11-23T01:22:38Z");
  EXPECT_EQ(table->rows[3].origin.with, "cost table; measured on a machine with a library 1.2");
  EXPECT_EQ(table->network[0].predicted_ns, 412);
  EXPECT_EQ(table->network[0].measured_ns, 420);
}

TEST_F(TableProfilerTest, WhatABusyMachineMeasuredIsNotMeasuredAgain) {
  json document = Minimal();
  document["layers"][0]["warning"] =
      "the machine was busy: measured with 30 % of 2 processors, and not kept: the next run "
      "measures again";
  document["layers"][2]["warning"] = "a reference implementation";
  const auto profiler = MakeTableProfiler(File("costs.json", document.dump()));
  ASSERT_TRUE(profiler.ok()) << profiler.status();
  const auto table = (*profiler)->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->rows[0].warning,
            "measured while the machine was busy: measured with 30 % of 2 processors");
  EXPECT_EQ(table->rows[1].warning, "a reference implementation");
  EXPECT_FALSE(table->IsDisturbed()) << "it would be the same again";
  EXPECT_TRUE(table->IsOfABusyMachine());
}

TEST_F(TableProfilerTest, MissingRowsAreAllNamed) {
  const std::string error = CsvError("strided,f32,1300,,,\n", "");
  EXPECT_THAT(error, HasSubstr("lacks 1 of the 8 rows"));
  EXPECT_THAT(error, HasSubstr("'strided' in f32"));
}

TEST_F(TableProfilerTest, MissingRowsAreKnownByNamesAlone) {
  LayerSet names;
  for (const char* const name : {"conv", "elsewhere"}) names.layers.emplace_back().name = name;
  ProfileRequest request;
  request.layers = &names;
  request.precisions = {Precision::Int(8, 8)};
  const std::string csv = "layer,precision,latency_ns\nconv,w8a8,1\n";
  const auto profiler = MakeTableProfiler(File("costs.csv", csv)).value();
  const absl::Status status = profiler->CheckRequest(request);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'elsewhere' in w8a8"));
  names.layers.pop_back();
  EXPECT_TRUE(profiler->CheckRequest(request).ok());
}

TEST_F(TableProfilerTest, ALongListOfMissingRowsIsCutAndCounted) {
  std::string csv = "layer,precision,latency_ns\n";
  for (int bits = 2; bits <= 8; ++bits) absl::StrAppend(&csv, "conv,w", bits, "a", bits, ",1\n");
  request_.precisions.clear();
  for (int bits = 2; bits <= 8; ++bits) request_.precisions.push_back(Precision::Int(bits, bits));
  const std::string error = Error("costs.csv", csv);
  EXPECT_THAT(error, HasSubstr("lacks 21 of the 28 rows"));
  EXPECT_THAT(error, HasSubstr("'depthwise' in w2a2"));
  EXPECT_THAT(error, HasSubstr("; and 9 more"));
}

TEST_F(TableProfilerTest, CostsOfAnotherNetworkAreRefused) {
  EXPECT_THAT(CsvError("fc,w8a8", "head,w8a8"),
              HasSubstr("the network has no such layer: 'head' (line 9)"));
  EXPECT_THAT(JsonError("/edges/0/to", "head"), HasSubstr("'head' (edges[0])"));
  request_.batch = 8;
  EXPECT_THAT(Error("costs.csv", Csv()), HasSubstr("are for batch 1, not 8"));
}

TEST_F(TableProfilerTest, WrongCsvFilesAreRefusedByTheirLine) {
  EXPECT_THAT(CsvError("conv,f32,1100", "conv,f32,-1100"),
              HasSubstr("line 2, column 'latency_ns': '-1100'"));
  EXPECT_THAT(CsvError("conv,f32,1100", "conv,f32,nan"), HasSubstr("line 2, column 'latency_ns'"));
  EXPECT_THAT(CsvError("conv,f32,1100", "conv,f32,inf"), HasSubstr("line 2, column 'latency_ns'"));
  EXPECT_THAT(CsvError("conv,f32,1100", "conv,f32,fast"), HasSubstr("'fast' is not a number"));
  EXPECT_THAT(CsvError("conv,f32,1100", "conv,f32,"),
              HasSubstr("line 2, column 'latency_ns': is missing"));
  EXPECT_THAT(CsvError("conv,f32,1100", "conv,w99,1100"), HasSubstr("w99"));
  EXPECT_THAT(CsvError("conv,w8a8", "conv,f32"),
              HasSubstr("line 3: 'conv' in f32 has a row already: line 2"));
  EXPECT_THAT(CsvError(",,500,,,\n", ",,500,,,\n,,600,,,\n"), HasSubstr("line 11"));
  EXPECT_THAT(CsvError(",,500,,,\n", ",,500,5,,\n"),
              HasSubstr("line 11, column 'energy_pj': has no meaning for the fixed time"));
  EXPECT_THAT(CsvError("33,,depthwise,w8a8\n", "33,,conv,w8a8\n"),
              HasSubstr("line 10: a change of precision within the layer 'conv'"));
  EXPECT_THAT(CsvError("33,,depthwise,w8a8\n", "33,,depthwise,\n"), HasSubstr("line 10"));
  EXPECT_THAT(CsvError(",,500", "conv,f32,33,,depthwise,w8a8\n,,500"),
              HasSubstr("line 11: the change from 'conv' in f32 to 'depthwise' in w8a8"));
}

TEST_F(TableProfilerTest, WrongHeadersAreRefused) {
  EXPECT_THAT(CsvError("energy_pj", "energy"), HasSubstr("there is no column 'energy'"));
  EXPECT_THAT(CsvError("energy_pj", "layer"), HasSubstr("column 'layer' is there twice"));
  EXPECT_THAT(CsvError("latency_ns", "mad_ns"), HasSubstr("column 'latency_ns' is missing"));
  EXPECT_THAT(Error("costs.csv", ""), HasSubstr("is empty"));
  EXPECT_THAT(Error("costs.csv", "layer,precision,latency_ns\n"), HasSubstr("no costs of layers"));
}

TEST_F(TableProfilerTest, TheBatchOfACsvFileIsOne) {
  const std::string csv =
      "layer,precision,latency_ns,batch\nconv,f32,1,8\ndepthwise,f32,1,\nstrided,f32,1,8\nfc,f32,1,"
      "8\n";
  request_.precisions = {Precision::Float32()};
  request_.batch = 8;
  const auto profiler = MakeTableProfiler(File("costs.csv", csv));
  ASSERT_TRUE(profiler.ok()) << profiler.status();
  const auto table = (*profiler)->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->batch, 8);
  EXPECT_THAT(Error("costs.csv", absl::StrReplaceAll(csv, {{"fc,f32,1,8", "fc,f32,1,4"}})),
              HasSubstr("line 5, column 'batch'"));
  EXPECT_THAT(Error("costs.csv", absl::StrReplaceAll(csv, {{"fc,f32,1,8", "fc,f32,1,0"}})),
              HasSubstr("line 5, column 'batch'"));
}

TEST_F(TableProfilerTest, WrongJsonFilesAreRefusedByTheirField) {
  EXPECT_THAT(JsonError("/layers/2/latency_ns", -1), HasSubstr("'layers[2].latency_ns'"));
  EXPECT_THAT(JsonError("/layers/2/latency_ns", "1"), HasSubstr("'layers[2].latency_ns'"));
  EXPECT_THAT(JsonError("/layers/2/latency_ns", nullptr), HasSubstr("is missing"));
  EXPECT_THAT(JsonError("/layers/2/enrgy_pj", 1), HasSubstr("'layers[2].enrgy_pj' is not a known"));
  EXPECT_THAT(JsonError("/fixed_latency", 1), HasSubstr("'fixed_latency' is not a known"));
  EXPECT_THAT(JsonError("/layers/1/precision", "f32"),
              HasSubstr("layers[1]: 'conv' in f32 has a row already: layers[0]"));
  EXPECT_THAT(JsonError("/layers/1", 3), HasSubstr("layers[1]"));
  EXPECT_THAT(JsonError("/layers", json::array()), HasSubstr("no costs of layers"));
  EXPECT_THAT(Error("costs.json", "{"), HasSubstr("is not JSON"));
  EXPECT_THAT(Error("costs.json", "[]"), HasSubstr("must be a JSON object"));
}

}  // namespace
}  // namespace halftone
