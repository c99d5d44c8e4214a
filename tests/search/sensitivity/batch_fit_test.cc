#include "search/sensitivity/batch_fit.h"

#include "nn/engine/lower.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

// A convolution of few elements and much work: 10^10 multiply-adds for each sample.
PreparedNetwork Laborious(int64_t batch) {
  testing::NetworkBuilder builder;
  builder.Input("x", Shape{batch, 512, 64, 64})
      .Output("y")
      .Op("Conv", {"x", "w"}, {"y"}, {{"pads", testing::Ints{1, 1, 1, 1}}});
  builder.Weights("w", Shape{512, 512, 3, 3});
  absl::StatusOr<PreparedNetwork> network = PrepareNetwork(builder.graph());
  EXPECT_TRUE(network.ok()) << network.status();
  return network.ok() ? *std::move(network) : PreparedNetwork();
}

absl::StatusOr<FittedProgram> Fit(const PreparedNetwork& network, int64_t wanted) {
  return FitBatch(network, wanted, wanted, [&](int64_t batch) -> absl::StatusOr<Program> {
    HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
    HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(graph));
    return lowered.builder.Build({{"y", lowered.values.at("y")}});
  });
}

TEST(BatchFitTest, AStepComputesNoMoreThanASecondOrSo) {
  const PreparedNetwork network = Laborious(Shape::kDynamic);
  const auto fitted = Fit(network, 32);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_LE(fitted->executable->step_cost(), kMaxFittedCost);
  EXPECT_EQ(fitted->batch, 5);
  EXPECT_EQ(Fit(network, 4)->batch, 4);
}

TEST(BatchFitTest, ABatchThatWouldBeRefusedIsMadeSmaller) {
  const auto fitted = Fit(Laborious(Shape::kDynamic), 1000);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_LE(fitted->executable->step_cost(), kMaxFittedCost);
}

TEST(BatchFitTest, ABatchThatTheFileFixesStays) {
  EXPECT_EQ(Fit(Laborious(8), 32)->batch, 8);
  EXPECT_TRUE(absl::IsResourceExhausted(Fit(Laborious(1000), 32).status()));
}

}  // namespace
}  // namespace halftone
