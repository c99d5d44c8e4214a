#include "search/offer.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/onednn/inference_plan.h"
#include "profilers/builtin.h"

namespace halftone {
namespace {

using ::testing::Contains;
using ::testing::ElementsAreArray;
using ::testing::Not;

Offer OfferOn(const std::string& target, std::vector<Precision> precisions = {}) {
  ProfilerRegistry registry;
  EXPECT_TRUE(RegisterBuiltinProfilers(registry, nullptr).ok());
  const auto profiler = registry.Create(target);
  EXPECT_TRUE(profiler.ok()) << profiler.status();
  SearchSpec spec;
  spec.target = target;
  spec.precisions = std::move(precisions);
  absl::StatusOr<Offer> offer = MakeOffer(spec, **profiler);
  EXPECT_TRUE(offer.ok()) << offer.status();
  return *std::move(offer);
}

bool AddsBytesExactly() {
  const std::string isa = DescribeCpu().isa;
  return isa != "sse41" && isa != "avx" && isa != "avx2" && isa != "avx512_core";
}

// 8-bit weights are slow to add up exactly there.
TEST(OfferTest, SevenBitsAreOfferedWhereEightAreNoBytes) {
  const Offer offer = OfferOn("cpu");
  EXPECT_THAT(offer.offered, Contains(Precision::Int(8, 8)));
  EXPECT_THAT(offer.offered, Contains(Precision::Int(4, 8)));
  EXPECT_THAT(offer.offered, Contains(Precision::Float32()));
  EXPECT_EQ(offer.reference, Precision::Float32());
  if (AddsBytesExactly()) {
    EXPECT_THAT(offer.offered, Not(Contains(Precision::Int(7, 8))));
  } else {
    EXPECT_THAT(offer.offered, Contains(Precision::Int(7, 8)));
  }
}

TEST(OfferTest, OtherTargetsOfferWhatTheyRunOfTheCommonOnes) {
  const Offer offer = OfferOn("bitfusion");
  EXPECT_THAT(offer.offered, Contains(Precision::Int(2, 2)));
  EXPECT_THAT(offer.offered, Not(Contains(Precision::Int(7, 8))));
  EXPECT_EQ(offer.machine, "");
}

TEST(OfferTest, WhatIsAskedForIsOffered) {
  const std::vector<Precision> asked = {Precision::Int(7, 8), Precision::Int(3, 5)};
  EXPECT_THAT(OfferOn("cpu", asked).offered, ElementsAreArray(asked));
}

TEST(OfferTest, IsStoredWithTheMachineThatRunsNetworks) {
  const Offer offer = OfferOn("cpu");
  EXPECT_THAT(offer.machine, ::testing::HasSubstr(DescribeCpu().isa));
  const auto stored = OfferFromBytes(OfferToBytes(offer));
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->machine, offer.machine);
  EXPECT_EQ(stored->offered, offer.offered);
}

}  // namespace
}  // namespace halftone
