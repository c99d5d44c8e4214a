#include "profilers/remote/cost_ledger.h"

#include <gtest/gtest.h>

#include "tests/profilers/small_network.h"

namespace halftone {
namespace {

class CostLedgerTest : public testing::Test {
 protected:
  CostLedgerTest() {
    EXPECT_TRUE(network_.Bind(1).ok());
    request_.graph = &network_.graph();
    request_.layers = &network_.layers();
    request_.precisions = {Precision::Int(8, 8), Precision::Int(4, 4)};
  }

  v1::ProfileResponse AllRows() const {
    v1::ProfileResponse response;
    for (const Layer& layer : network_.layers().layers) {
      for (const Precision& precision : request_.precisions) {
        v1::LayerCost* row = response.add_layers();
        row->set_layer(layer.name);
        row->set_precision(precision.ToString());
        row->set_latency_ns(10.0 * precision.weights.bits);
      }
    }
    return response;
  }

  static void AddEdge(const char* from, const char* to, double latency,
                      v1::ProfileResponse& response) {
    v1::EdgeCost* edge = response.add_edges();
    edge->set_from_layer("strided");
    edge->set_to_layer("fc");
    edge->set_from_precision(from);
    edge->set_to_precision(to);
    edge->set_latency_ns(latency);
  }

  SmallNetwork network_;
  ProfileRequest request_;
  const Origin origin_ = {"here", "2026-01-02T03:04:05Z", "hand"};
};

TEST_F(CostLedgerTest, TheNetworkIsTheSumOfItsParts) {
  CostLedger ledger(request_);
  v1::ProfileResponse response = AllRows();
  AddEdge("w8a8", "w4a4", 7, response);
  AddEdge("w4a4", "w4a4", 3, response);
  ledger.BeginStream();
  ASSERT_TRUE(ledger.Add(response, origin_).ok());
  EXPECT_FALSE(ledger.IsComplete());
  ASSERT_TRUE(ledger.EndStream(100).ok());
  EXPECT_TRUE(ledger.IsComplete());
  const CostTable table = ledger.ToTable("board", {"device"});
  EXPECT_EQ(table.network[0].predicted_ns, 4 * 80 + 100);
  EXPECT_EQ(table.network[1].predicted_ns, 4 * 40 + 3 + 100);
  EXPECT_EQ(table.edges.size(), 2u);
}

TEST_F(CostLedgerTest, WhatIsStoredComesBack) {
  CostLedger ledger(request_);
  v1::ProfileResponse response = AllRows();
  AddEdge("w8a8", "w4a4", 7, response);
  v1::NetworkCost* network = response.add_network();
  network->set_precision("w8a8");
  network->set_measured_ns(500);
  ASSERT_TRUE(ledger.Add(response, origin_).ok());
  ASSERT_TRUE(ledger.EndStream(100).ok());
  CostLedger again(request_);
  again.Restore(ledger.Serialize());
  EXPECT_TRUE(again.IsComplete());
  const CostTable table = again.ToTable("board", {"device"});
  EXPECT_EQ(table.rows.size(), ledger.wanted());
  EXPECT_EQ(table.rows[0].origin.with, "hand");
  EXPECT_EQ(table.rows[0].provenance, Provenance::kRemote);
  EXPECT_EQ(table.network[0].measured_ns, 500);
  EXPECT_EQ(table.fixed_latency_ns, 100);
  EXPECT_EQ(table.edges.size(), 1u);
}

TEST_F(CostLedgerTest, RowsWithoutTheirEdgesAreNotComplete) {
  CostLedger ledger(request_);
  ASSERT_TRUE(ledger.Add(AllRows(), origin_).ok());
  CostLedger again(request_);
  again.Restore(ledger.Serialize());
  EXPECT_EQ(again.Known().size(), again.wanted());
  EXPECT_FALSE(again.IsComplete());
}

TEST_F(CostLedgerTest, SpoiltStoresAreAsIfTheyWereNotThere) {
  for (const char* text : {"", "{", "[]", "{\"table\":3}", "{\"table\":{\"target\":\"\"}}",
                           "{\"table\":{\"target\":\"\",\"layers\":[{}]},\"finished\":4}"}) {
    CostLedger ledger(request_);
    ledger.Restore(text);
    EXPECT_TRUE(ledger.Known().empty()) << text;
    EXPECT_FALSE(ledger.IsComplete()) << text;
  }
}

TEST_F(CostLedgerTest, WeightsThatNobodyCountedAreTakenAsPacked) {
  CostLedger ledger(request_);
  v1::ProfileResponse response = AllRows();
  ASSERT_TRUE(ledger.Add(response, origin_).ok());
  ASSERT_TRUE(ledger.EndStream(0).ok());
  // conv: 16x3x3x3 weights of 8 bits and 16 scales, no bias.
  const CostTable table = ledger.ToTable("board", {"device"});
  EXPECT_EQ(table.Find("conv", Precision::Int(8, 8))->weight_bytes, 16 * 27 + 16 * 4);
  EXPECT_EQ(table.Find("fc", Precision::Int(4, 4))->weight_bytes, 320 / 2 + 10 * 4 + 10 * 4);
}

}  // namespace
}  // namespace halftone
