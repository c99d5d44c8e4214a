#include "search/sensitivity/pooled_divergence.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "search/sensitivity/divergence.h"

namespace halftone {
namespace {

struct Logits {
  std::vector<float> reference, changed;
};

Logits RandomLogits(size_t samples, size_t classes, double disturbance, uint64_t seed) {
  SplitMix64 random(seed);
  Logits logits;
  for (size_t i = 0; i < samples * classes; ++i) {
    logits.reference.push_back(static_cast<float>(8 * random.Uniform() - 4));
    logits.changed.push_back(logits.reference.back() +
                             static_cast<float>(disturbance * (random.Uniform() - 0.5)));
  }
  return logits;
}

absl::Span<const float> Row(const std::vector<float>& values, size_t i, size_t classes) {
  return absl::MakeConstSpan(values).subspan(i * classes, classes);
}

double MeanOf(const PooledDivergence& pooled, const std::vector<float>& changed) {
  MeanEstimate mean;
  for (const double value : pooled.Pseudovalues(changed)) mean.Add(value);
  return mean.mean();
}

// By the definition, with the code that divergences of single rows use.
double ByDefinition(const Logits& logits, size_t classes, size_t begin, size_t end) {
  const auto distance = [&](size_t i, size_t j) {
    double mean = 0, squares = 0;
    for (size_t c = 0; c < classes; ++c) {
      const double d = logits.reference[i * classes + c] - logits.reference[j * classes + c];
      mean += d / static_cast<double>(classes);
      squares += d * d;
    }
    return squares - mean * mean * static_cast<double>(classes);
  };
  const auto k = static_cast<size_t>(std::ceil(std::sqrt(static_cast<double>(end - begin))));
  double total = 0;
  for (size_t i = begin; i < end; ++i) {
    std::vector<size_t> order(end - begin);
    std::iota(order.begin(), order.end(), begin);
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return distance(i, a) < distance(i, b); });
    for (size_t n = 0; n < k; ++n) {
      std::vector<float> moved;
      for (size_t c = 0; c < classes; ++c) {
        moved.push_back(logits.reference[i * classes + c] + logits.changed[order[n] * classes + c] -
                        logits.reference[order[n] * classes + c]);
      }
      total += KlOfRow(Row(logits.reference, i, classes), moved) / static_cast<double>(k);
    }
  }
  return total;
}

TEST(PooledDivergenceTest, IsWhatItsDefinitionSays) {
  for (const size_t classes : {size_t{2}, size_t{10}, size_t{33}}) {
    const Logits logits = RandomLogits(50, classes, 1, classes);
    const PooledDivergence pooled(logits.reference, static_cast<int64_t>(classes));
    const double expected = ByDefinition(logits, classes, 0, 50) / 50;
    EXPECT_NEAR(MeanOf(pooled, logits.changed), expected, 1e-5 * expected) << classes;
  }
}

TEST(PooledDivergenceTest, NeighboursAreOfOneGroup) {
  const size_t samples = PooledDivergence::kGroup + 40;
  const Logits logits = RandomLogits(samples, 3, 1, 1);
  const PooledDivergence pooled(logits.reference, 3);
  const double expected = (ByDefinition(logits, 3, 0, PooledDivergence::kGroup) +
                           ByDefinition(logits, 3, PooledDivergence::kGroup, samples)) /
                          static_cast<double>(samples);
  EXPECT_NEAR(MeanOf(pooled, logits.changed), expected, 1e-5 * expected);
}

TEST(PooledDivergenceTest, OfOneSampleIsItsDivergence) {
  const Logits logits = RandomLogits(1, 10, 2, 3);
  EXPECT_NEAR(MeanOf(PooledDivergence(logits.reference, 10), logits.changed),
              KlOfRow(logits.reference, logits.changed), 1e-9);
}

TEST(PooledDivergenceTest, DoesNotCountWhatASoftmaxDoesNotSee) {
  Logits logits = RandomLogits(40, 10, 0, 4);
  const PooledDivergence pooled(logits.reference, 10);
  EXPECT_NEAR(MeanOf(pooled, logits.changed), 0, 1e-12);
  for (size_t i = 0; i < logits.changed.size(); ++i)
    logits.changed[i] += static_cast<float>(i / 10);
  EXPECT_NEAR(MeanOf(pooled, logits.changed), 0, 1e-9);
}

TEST(PooledDivergenceTest, SurvivesLogitsThatUnderflow) {
  // exp(-2000) is 0 in double, and the class that is certain is the one that it happens to.
  const std::vector<float> reference = {0, -3000, 0, -3000};
  const std::vector<float> changed = {-2000, -3000, 0, -3000};
  EXPECT_NEAR(MeanOf(PooledDivergence(reference, 2), changed), 0, 1e-9);
  const std::vector<float> turned = {-4000, -3000, -4000, -3000};
  EXPECT_NEAR(MeanOf(PooledDivergence(reference, 2), turned), 1000, 1e-6);
}

// Its reason to be: with disturbances that do not depend on the sample, it varies less from one
// draw of samples to the next than the mean does.
TEST(PooledDivergenceTest, VariesLessThanTheMean) {
  MeanEstimate pooled, mean;
  for (uint64_t draw = 0; draw < 200; ++draw) {
    const Logits logits = RandomLogits(64, 10, 1, 100 + draw);
    pooled.Add(MeanOf(PooledDivergence(logits.reference, 10), logits.changed));
    double sum = 0;
    for (size_t i = 0; i < 64; ++i)
      sum += KlOfRow(Row(logits.reference, i, 10), Row(logits.changed, i, 10)) / 64;
    mean.Add(sum);
  }
  EXPECT_NEAR(pooled.mean(), mean.mean(), 0.05 * mean.mean());
  EXPECT_LT(pooled.standard_error(), 0.8 * mean.standard_error());
}

// What a data set of logits is drawn as.
enum class Kind { kIid, kClassifier };

// The logits of one data set under a disturbance, under another of 1.18 times the size (a
// divergence that is 40 % larger) that is half the same, and under one that is nearly the same.
struct Drawn {
  std::vector<float> reference, changed, larger, near;
};

Drawn DrawData(Kind kind, size_t samples, uint64_t seed) {
  constexpr size_t kClasses = 10;
  SplitMix64 random(seed);
  const auto normal = [&] {
    return std::sqrt(-2 * std::log(1 - random.Uniform())) *
           std::cos(6.283185307 * random.Uniform());
  };
  Drawn drawn;
  for (size_t i = 0; i < samples; ++i) {
    const auto label = static_cast<size_t>(random.Uniform() * kClasses);
    const double sureness = 8 * random.Uniform();
    for (size_t c = 0; c < kClasses; ++c) {
      const double logit =
          kind == Kind::kIid ? 8 * random.Uniform() - 4 : normal() + (c == label ? sureness : 0.0);
      const double a = 0.5 * normal(), b = 0.5 * normal();
      drawn.reference.push_back(static_cast<float>(logit));
      drawn.changed.push_back(static_cast<float>(logit + a));
      drawn.larger.push_back(static_cast<float>(logit + 1.18 * (0.6 * a + 0.8 * b)));
      drawn.near.push_back(static_cast<float>(logit + 0.98 * a + 0.2 * b));
    }
  }
  return drawn;
}

// The variance that is stated, over that of the means from one data set to the next.
class StatedVariance {
 public:
  void Add(const std::vector<double>& values) {
    MeanEstimate mean;
    for (const double value : values) mean.Add(value);
    means_.Add(mean.mean());
    stated_.Add(mean.standard_error() * mean.standard_error());
  }
  double OverTrue() const {
    const double error = means_.standard_error();
    return stated_.mean() / (error * error * static_cast<double>(means_.count()));
  }

 private:
  MeanEstimate means_, stated_;
};

std::vector<double> Differences(std::vector<double> a, const std::vector<double>& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

TEST(PooledDivergenceTest, StatesItsSamplingVariance) {
  for (const Kind kind : {Kind::kIid, Kind::kClassifier}) {
    for (const size_t samples : {size_t{36}, size_t{64}, size_t{100}}) {
      StatedVariance single, apart, near;
      for (uint64_t draw = 0; draw < 1500; ++draw) {
        const Drawn drawn = DrawData(kind, samples, 1000 + draw);
        const PooledDivergence pooled(drawn.reference, 10);
        const std::vector<double> values = pooled.Pseudovalues(drawn.changed);
        single.Add(values);
        apart.Add(Differences(pooled.Pseudovalues(drawn.larger), values));
        near.Add(Differences(pooled.Pseudovalues(drawn.near), values));
      }
      SCOPED_TRACE(samples);
      EXPECT_NEAR(single.OverTrue(), 1, 0.2);
      EXPECT_NEAR(apart.OverTrue(), 1, 0.2);
      EXPECT_NEAR(near.OverTrue(), 1, 0.2);
    }
  }
}

}  // namespace
}  // namespace halftone
