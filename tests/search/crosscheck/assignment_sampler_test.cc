#include "search/crosscheck/assignment_sampler.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/crosscheck/crosscheck_spec.h"

namespace halftone {
namespace {

AssignmentSampler::Options Options(size_t layers, int wanted, uint64_t seed = 0) {
  AssignmentSampler::Options options;
  options.precisions = CrosscheckPrecisions();
  options.layers = layers;
  options.wanted = wanted;
  options.seed = seed;
  return options;
}

// A network as quantization sees it: every layer adds noise that falls by four with each bit; some
// layers hurt a hundred times as much as others.
double Damage(const std::vector<int>& assignment) {
  const std::vector<Precision> precisions = CrosscheckPrecisions();
  double damage = 0;
  for (size_t layer = 0; layer < assignment.size(); ++layer) {
    const Precision& precision = precisions[static_cast<size_t>(assignment[layer])];
    damage += std::pow(10, -2.0 * static_cast<double>(layer % 5) / 4) *
              (std::pow(4.0, -precision.weights.bits) + std::pow(4.0, -precision.activations.bits));
  }
  return damage;
}

std::vector<std::pair<std::vector<int>, double>> Sample(AssignmentSampler::Options options,
                                                        int tries) {
  AssignmentSampler sampler(std::move(options));
  std::vector<std::pair<std::vector<int>, double>> samples;
  for (int i = 0; i < tries; ++i) {
    const auto assignment = sampler.Next();
    if (!assignment.has_value()) break;
    const double damage = Damage(*assignment);
    sampler.Record(damage);
    samples.emplace_back(*assignment, damage);
  }
  return samples;
}

TEST(AssignmentSamplerTest, IsReproducibleAndNeverRepeats) {
  const auto first = Sample(Options(16, 200, 7), 200);
  EXPECT_EQ(first, Sample(Options(16, 200, 7), 200));
  EXPECT_NE(first, Sample(Options(16, 200, 8), 200));
  std::set<std::vector<int>> distinct;
  for (const auto& [assignment, damage] : first) distinct.insert(assignment);
  EXPECT_EQ(distinct.size(), 200u);
}

TEST(AssignmentSamplerTest, BeginsWithUniformAssignments) {
  const auto samples = Sample(Options(16, 200), 20);
  for (int bits = 2; bits <= 8; ++bits) {
    const int index = (bits - 2) * 7 + bits - 2;
    EXPECT_EQ(samples[static_cast<size_t>(bits - 2)].first, std::vector<int>(16, index));
  }
  for (size_t i = 7; i < samples.size(); ++i) {
    EXPECT_NE(std::set<int>(samples[i].first.begin(), samples[i].first.end()).size(), 1u);
  }
}

TEST(AssignmentSamplerTest, FillsTheRangeEvenly) {
  for (const size_t layers : {16u, 60u}) {
    AssignmentSampler sampler(Options(layers, 200));
    std::vector<int> sixths(6, 0);
    int hits = 0, tries = 0;
    while (hits < 200 && tries < 400) {
      const auto assignment = sampler.Next();
      ASSERT_TRUE(assignment.has_value());
      const double damage = Damage(*assignment);
      ++tries;
      if (!sampler.Record(damage)) {
        EXPECT_TRUE(damage < 0.001 || damage > 0.5);
        continue;
      }
      ++hits;
      const double position = std::log(damage / 0.001) / std::log(500);
      ++sixths[std::min<size_t>(5, static_cast<size_t>(6 * position))];
    }
    EXPECT_EQ(hits, 200) << layers << " layers";
    EXPECT_LT(tries, 300) << layers << " layers: most tries hit the range";
    // An even share is 33.
    EXPECT_THAT(sixths, testing::Each(testing::AllOf(testing::Ge(20), testing::Le(50))));
  }
}

TEST(AssignmentSamplerTest, GivesUpOnWhatCannotBeReached) {
  // Nothing does more damage than 2 bits everywhere: half of the range is out of reach.
  AssignmentSampler::Options options = Options(16, 100);
  options.min_damage = 0.1;
  options.max_damage = 1000;
  AssignmentSampler sampler(options);
  int hits = 0;
  for (int i = 0; i < 432; ++i) hits += sampler.Record(Damage(*sampler.Next()));
  EXPECT_GT(hits, 200);
}

TEST(AssignmentSamplerTest, EndsWhereAllWereDrawn) {
  AssignmentSampler::Options options = Options(2, 100);
  options.precisions = {Precision::Int(4, 8), Precision::Float32()};
  EXPECT_LE(Sample(options, 100).size(), 4u);
  EXPECT_GE(Sample(options, 100).size(), 3u);
}

TEST(AssignmentSamplerTest, WeightOnlyAndFloatPrecisionsAreDrawnToo) {
  AssignmentSampler::Options options = Options(12, 40);
  options.precisions = {*Precision::Parse("w2"), *Precision::Parse("w4"), *Precision::Parse("bf16"),
                        Precision::Float32()};
  std::set<int> drawn;
  AssignmentSampler sampler(options);
  for (int i = 0; i < 40; ++i) {
    const auto assignment = sampler.Next();
    ASSERT_TRUE(assignment.has_value());
    drawn.insert(assignment->begin(), assignment->end());
    sampler.Record(std::pow(10.0, -4 + 0.1 * i));
  }
  EXPECT_EQ(drawn.size(), 4u);
}

}  // namespace
}  // namespace halftone
