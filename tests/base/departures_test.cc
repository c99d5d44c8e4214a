#include "base/departures.h"

#include <map>
#include <string>

#include "gtest/gtest.h"

namespace halftone {
namespace {

using Assignment = std::map<std::string, std::string>;

TEST(DeparturesTest, AreEntriesWithAnotherValueOrWithNone) {
  const Assignment optimum = {{"conv1", "w4a8"}, {"conv2", "w8a8"}, {"fc", "bf16"}};
  EXPECT_EQ(CountDepartures(optimum, optimum), 0);
  EXPECT_EQ(CountDepartures({{"conv1", "w8a8"}, {"conv2", "w8a8"}, {"fc", "f32"}}, optimum), 2);
  EXPECT_EQ(CountDepartures({{"conv1", "w4a8"}, {"conv3", "w8a8"}}, optimum), 1);
}

TEST(DeparturesTest, WhatOnlyTheOtherHasIsNone) {
  const Assignment optimum = {{"conv1", "w4a8"}, {"conv2", "w8a8"}};
  EXPECT_EQ(CountDepartures({{"conv2", "w8a8"}}, optimum), 0);
  EXPECT_EQ(CountDepartures({}, optimum), 0);
  EXPECT_EQ(CountDepartures(optimum, {}), 2);
}

}  // namespace
}  // namespace halftone
