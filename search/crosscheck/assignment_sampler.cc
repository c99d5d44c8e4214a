#include "search/crosscheck/assignment_sampler.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <utility>

#include "base/infinity.h"

namespace halftone {
namespace {

constexpr int kBins = 12;
constexpr size_t kMaxUniform = 8;
// Mixed assignments at evenly spaced levels, before any is aimed.
constexpr size_t kPilots = 6;
// As shares of the way from the fewest bits to the most: 1/6 is a bit where there are 2 to 8.
constexpr double kTilt = 0.12, kLeastSpread = 0.08, kMostSpread = 0.33, kJitter = 0.03;
// What a shot that misses its bin counts for there: bins that cannot be reached are given up.
constexpr double kMiss = 0.2;
// Levels that are tried when one is chosen, and how near to another a level counts in full.
constexpr int kLevels = 50;
constexpr double kNear = 0.05;
// Draws that may give only assignments that came before.
constexpr int kMaxRepeats = 200;
// Damage of nothing still has a logarithm.
constexpr double kLeastDamage = 1e-12;

// The place of each format among the distinct ones of `formats`, from 0 to 1.
std::vector<double> PlacesOf(const std::vector<NumberFormat>& formats) {
  const auto shorter = [](const NumberFormat& a, const NumberFormat& b) {
    return a.bits != b.bits ? a.bits < b.bits : a.IsInteger() && !b.IsInteger();
  };
  const std::set<NumberFormat, decltype(shorter)> distinct(formats.begin(), formats.end(), shorter);
  const double steps = std::max<double>(1, static_cast<double>(distinct.size()) - 1);
  std::vector<double> places;
  for (const NumberFormat& format : formats) {
    const auto rank = std::distance(distinct.begin(), distinct.find(format));
    places.push_back(static_cast<double>(rank) / steps);
  }
  return places;
}

}  // namespace

AssignmentSampler::AssignmentSampler(Options options)
    : options_(std::move(options)), random_(options_.seed, /*stream=*/0), bins_(kBins, 0.0) {
  PlacePrecisions();
  ListUniform();
}

void AssignmentSampler::PlacePrecisions() {
  std::vector<NumberFormat> weights, activations;
  for (const Precision& precision : options_.precisions) {
    weights.push_back(precision.weights);
    activations.push_back(precision.activations);
  }
  const std::vector<double> by_weights = PlacesOf(weights), by_activations = PlacesOf(activations);
  for (size_t i = 0; i < weights.size(); ++i) places_.push_back({by_weights[i], by_activations[i]});
}

void AssignmentSampler::ListUniform() {
  const bool few = places_.size() <= kMaxUniform;
  for (size_t i = 0; i < places_.size(); ++i) {
    const Precision& precision = options_.precisions[i];
    if (few || precision.weights == precision.activations) uniform_.push_back(static_cast<int>(i));
  }
  // Mixed ones shall be the most.
  const auto most = std::min(kMaxUniform, static_cast<size_t>(options_.wanted) / 4);
  if (uniform_.size() > most) uniform_.resize(most);
  std::reverse(uniform_.begin(), uniform_.end());
}

double AssignmentSampler::LogDamageOf(double position) const {
  const double low = std::log(options_.min_damage), high = std::log(options_.max_damage);
  return low + (high - low) * position;
}

// Box and Muller 1958.
double AssignmentSampler::Normal() {
  const double radius = std::sqrt(-2 * std::log(1 - random_.Uniform()));
  return radius * std::cos(2 * std::numbers::pi * random_.Uniform());
}

int AssignmentSampler::Nearest(double weights, double activations) const {
  weights = std::clamp(weights, 0.0, 1.0);
  activations = std::clamp(activations, 0.0, 1.0);
  int nearest = 0;
  double least = kInfinity;
  for (size_t i = 0; i < places_.size(); ++i) {
    const double distance =
        std::hypot(places_[i].weights - weights, places_[i].activations - activations);
    if (distance >= least) continue;
    least = distance;
    nearest = static_cast<int>(i);
  }
  return nearest;
}

double AssignmentSampler::ChooseLevel() {
  if (mixed_ < kPilots) {
    return (static_cast<double>(mixed_) + random_.Uniform()) / static_cast<double>(kPilots);
  }
  aimed_ = static_cast<int>(std::min_element(bins_.begin(), bins_.end()) - bins_.begin());
  const double target = LogDamageOf((aimed_ + random_.Uniform()) / kBins);
  double best = 0, least = kInfinity;
  for (int i = 0; i <= kLevels; ++i) {
    const double level = static_cast<double>(i) / kLevels;
    const double distance = std::fabs(ExpectedLogDamage(level) - target);
    if (distance >= least) continue;
    least = distance;
    best = level;
  }
  return std::clamp(best + kJitter * Normal(), 0.0, 1.0);
}

// The mean over the trials, weighted by how near their levels were.
double AssignmentSampler::ExpectedLogDamage(double level) const {
  double sum = 0, weights = 0;
  for (const Trial& trial : trials_) {
    const double distance = (trial.level - level) / kNear;
    const double weight = 1 / std::pow(1 + distance * distance, 2);
    sum += weight * trial.log_damage;
    weights += weight;
  }
  return sum / weights;
}

std::vector<int> AssignmentSampler::DrawMixed(double level) {
  level_ = level;
  ++mixed_;
  const double tilt = kTilt * Normal();
  const double spread = kLeastSpread + (kMostSpread - kLeastSpread) * random_.Uniform();
  std::vector<int> chosen;
  for (size_t layer = 0; layer < options_.layers; ++layer) {
    const double weights = level_ + tilt + spread * Normal();
    const double activations = level_ - tilt + spread * Normal();
    chosen.push_back(Nearest(weights, activations));
  }
  return chosen;
}

std::optional<std::vector<int>> AssignmentSampler::Next() {
  for (int draw = 0; draw < kMaxRepeats; ++draw) {
    // Where the level aimed at has nothing new, any may.
    std::vector<int> assignment = draw == 0 ? Draw() : DrawMixed(random_.Uniform());
    if (drawn_.insert(assignment).second) return assignment;
  }
  return std::nullopt;
}

std::vector<int> AssignmentSampler::Draw() {
  aimed_ = -1;
  if (uniform_.empty()) return DrawMixed(ChooseLevel());
  const int precision = uniform_.back();
  uniform_.pop_back();
  const Place& place = places_[static_cast<size_t>(precision)];
  level_ = 0.5 * (place.weights + place.activations);
  return std::vector<int>(options_.layers, precision);
}

bool AssignmentSampler::Record(double damage) {
  const double log_damage = std::log(std::max(damage, kLeastDamage));
  trials_.push_back({level_, log_damage});
  const double low = LogDamageOf(0), high = LogDamageOf(1);
  const bool hit = log_damage >= low && log_damage <= high;
  const int bin =
      hit ? std::min(kBins - 1, static_cast<int>(kBins * (log_damage - low) / (high - low))) : -1;
  if (hit) bins_[static_cast<size_t>(bin)] += 1;
  if (aimed_ >= 0 && aimed_ != bin) bins_[static_cast<size_t>(aimed_)] += kMiss;
  return hit;
}

}  // namespace halftone
