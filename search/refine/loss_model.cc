#include "search/refine/loss_model.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <string>

#include "Eigen/Cholesky"
#include "Eigen/Core"
#include "base/statistics.h"
#include "nn/quant/precision.h"
#include "search/sensitivity/divergence.h"

namespace halftone {
namespace {

// Variances of the factors by which losses are wrong, in units of the squared deviation: common to
// all, to a variable, to a format of its weights, of its activations, of one choice alone, of the
// pairs' weight, and of what was measured of one pair of variables.
constexpr double kAll = 1, kVariable = 1, kWeights = 1, kActivations = 1, kChoice = 1, kPairs = 1,
                 kMeasured = 1;
// What the likelihood chooses from. Pairs are real: some of what they add always counts.
constexpr double kPairWeights[] = {0.25, 0.5, 1};
constexpr double kDeviations[] = {0.05, 0.1, 0.2, 0.4, 0.8};
constexpr double kNoises[] = {0.01, 0.03, 0.1};
// Of the logarithm of the likelihood, what a unit that is fitted has to gain (Akaike 1974).
constexpr double kCostOfUnit = 1;
// No choice is believed to do less than this share of what the estimator says.
constexpr double kLeastShare = 0.02;

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Map<const Matrix> Square(const std::vector<double>& matrix, size_t n) {
  return {matrix.data(), static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(n)};
}

Eigen::Map<Eigen::VectorXd> Vector(std::vector<double>& values) {
  return {values.data(), static_cast<Eigen::Index>(values.size())};
}

// Solves L x = b in place; `factor` is lower triangular, row by row.
void SolveLower(const std::vector<double>& factor, std::vector<double>& b) {
  auto x = Vector(b);
  Square(factor, b.size()).triangularView<Eigen::Lower>().solveInPlace(x);
}

// Solves L' x = b in place.
void SolveUpper(const std::vector<double>& factor, std::vector<double>& b) {
  auto x = Vector(b);
  Square(factor, b.size()).transpose().triangularView<Eigen::Upper>().solveInPlace(x);
}

// Its Cholesky factor in place of a positive definite matrix; the upper triangle is left alone.
// False where it is none.
bool Factorize(std::vector<double>& matrix, size_t n) {
  Eigen::Map<Matrix> square(matrix.data(), static_cast<Eigen::Index>(n),
                            static_cast<Eigen::Index>(n));
  const Eigen::LLT<Eigen::Ref<Matrix>> factor(square);
  return factor.info() == Eigen::Success;
}

// [trial][trial]: the covariance of the trials' sampling errors; nothing of trials without parts.
std::vector<double> SamplingCovariance(const std::vector<const Trial*>& trials) {
  const size_t n = trials.size(), parts = trials.empty() ? 0 : trials[0]->parts.size();
  std::vector<double> covariance(n * n, 0.0);
  const bool is_known = parts > 1 && std::all_of(trials.begin(), trials.end(), [&](const Trial* t) {
                          return t->parts.size() == parts;
                        });
  if (!is_known) return covariance;
  std::vector<double> centered;
  for (const Trial* trial : trials) {
    const double mean =
        std::accumulate(trial->parts.begin(), trial->parts.end(), 0.0) / static_cast<double>(parts);
    for (const double part : trial->parts) centered.push_back(part - mean);
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      const double* a = centered.data() + i * parts;
      const double product = std::inner_product(a, a + parts, centered.data() + j * parts, 0.0);
      covariance[i * n + j] = covariance[j * n + i] =
          product / (static_cast<double>(parts) * static_cast<double>(parts - 1));
    }
  }
  return covariance;
}

}  // namespace

LossModel::LossModel(const ChoiceSpace& space, const PairLosses& pairs, std::vector<double> losses,
                     double pair_weight, const CorrectionTable* measured)
    : space_(space),
      pairs_(pairs),
      prior_losses_(std::move(losses)),
      prior_pair_weight_(pair_weight),
      measured_(measured),
      spreads_(SpreadsOfColumns()),
      losses_(prior_losses_),
      pair_weight_(pair_weight),
      measured_factors_(measured == nullptr ? 0 : measured->pairs().size(), 1.0) {
  std::map<std::string, int> numbers;
  const auto number = [&](const std::string& name) {
    return numbers.emplace(name, static_cast<int>(numbers.size())).first->second;
  };
  for (size_t column = 0; column < space.columns(); ++column) {
    const std::string& name = space.NameOf(column);
    const absl::StatusOr<Precision> precision = Precision::Parse(name);
    if (precision.ok()) {
      formats_.emplace_back(number(Precision{precision->weights, {}}.ToString()),
                            number(Precision{{}, precision->activations}.ToString()));
    } else {
      formats_.emplace_back(number("weights of " + name), number("activations of " + name));
    }
  }
}

std::vector<double> LossModel::SpreadsOfColumns() const {
  std::map<std::string, MeanEstimate> elsewhere;
  std::vector<bool> is_known(space_.variables(), false);
  for (size_t column = 0; column < space_.columns(); ++column) {
    if (prior_losses_[column] <= 0) continue;
    elsewhere[space_.NameOf(column)].Add(prior_losses_[column]);
    is_known[space_.VariableOf(column)] = true;
  }
  std::vector<double> spreads = prior_losses_;
  for (size_t column = 0; column < space_.columns(); ++column) {
    if (!is_known[space_.VariableOf(column)]) {
      spreads[column] = elsewhere[space_.NameOf(column)].mean();
    }
  }
  return spreads;
}

LossModel::Features LossModel::FeaturesOf(const Selection& selection) const {
  Features features;
  features.selection = selection;
  for (size_t v = 0; v < space_.variables(); ++v) {
    features.losses += prior_losses_[space_.ColumnOf(v, selection[v])];
  }
  features.pairs = pairs_.Sum(space_, selection);
  for (size_t i = 0; i < measured_factors_.size(); ++i) {
    features.measured.push_back(measured_->Of(measured_->pairs()[i], selection));
    features.sum_of_measured += features.measured.back();
  }
  return features;
}

double LossModel::Covariance(const Features& a, const Features& b) const {
  double sum = kAll * a.losses * b.losses + kPairs * a.pairs * b.pairs;
  for (size_t i = 0; i < a.measured.size(); ++i) sum += kMeasured * a.measured[i] * b.measured[i];
  for (size_t v = 0; v < space_.variables(); ++v) {
    const size_t i = space_.ColumnOf(v, a.selection[v]), j = space_.ColumnOf(v, b.selection[v]);
    double variance = kVariable;
    if (formats_[i].first == formats_[j].first) variance += kWeights;
    if (formats_[i].second == formats_[j].second) variance += kActivations;
    if (i == j) variance += kChoice;
    sum += variance * spreads_[i] * spreads_[j];
  }
  return sum;
}

std::optional<LossModel::Fit> LossModel::FitTrials(const Scales& scales,
                                                   absl::Span<const double> covariance,
                                                   absl::Span<const double> sampling,
                                                   absl::Span<const double> divergences) const {
  const size_t n = divergences.size();
  Fit fit;
  fit.scales = scales;
  fit.factor.reserve(n * n);
  for (size_t i = 0; i < n * n; ++i) {
    fit.factor.push_back(scales.Variance() * covariance[i] + sampling[i]);
  }
  std::vector<double> residuals;
  for (size_t i = 0; i < n; ++i) {
    const double noise = scales.noise * divergences[i];
    fit.factor[i * n + i] = fit.factor[i * n + i] * (1 + 1e-9) + noise * noise;
    residuals.push_back(divergences[i] - scales.unit * features_[i].LossWith(scales.pair_weight));
  }
  if (!Factorize(fit.factor, n)) return std::nullopt;
  fit.weights = residuals;
  SolveLower(fit.factor, fit.weights);
  for (size_t i = 0; i < n; ++i) {
    fit.log_likelihood -= fit.weights[i] * fit.weights[i] / 2 + std::log(fit.factor[i * n + i]);
  }
  SolveUpper(fit.factor, fit.weights);
  return fit;
}

double LossModel::FittedUnit(absl::Span<const double> divergences, double pair_weight) const {
  std::vector<double> ratios;
  for (size_t i = 0; i < divergences.size(); ++i) {
    const double loss = features_[i].LossWith(pair_weight);
    if (loss > 0 && divergences[i] > 0) ratios.push_back(divergences[i] / loss);
  }
  return ratios.empty() ? 1 : Median(ratios);
}

std::optional<LossModel::Fit> LossModel::LikeliestFit(std::optional<double> unit,
                                                      absl::Span<const double> covariance,
                                                      absl::Span<const double> sampling,
                                                      absl::Span<const double> divergences) const {
  std::optional<Fit> likeliest;
  for (const double weight : kPairWeights) {
    const double of_losses = unit.has_value() ? *unit : FittedUnit(divergences, weight);
    for (const double deviation : kDeviations) {
      for (const double noise : kNoises) {
        std::optional<Fit> fit =
            FitTrials({of_losses, weight, deviation, noise}, covariance, sampling, divergences);
        if (!fit.has_value()) continue;
        if (!likeliest.has_value() || fit->log_likelihood > likeliest->log_likelihood) {
          likeliest = std::move(fit);
        }
      }
    }
    if (pairs_.empty()) break;
  }
  return likeliest;
}

void LossModel::Learn(absl::Span<const Trial> trials) {
  std::vector<const Trial*> best;
  for (const Trial& trial : trials) best.push_back(&trial);
  std::stable_sort(best.begin(), best.end(),
                   [](const Trial* a, const Trial* b) { return a->divergence < b->divergence; });
  if (best.size() > kMaxTrials) best.resize(kMaxTrials);
  features_.clear();
  std::vector<double> divergences, covariance;
  for (const Trial* trial : best) {
    features_.push_back(FeaturesOf(trial->selection));
    divergences.push_back(trial->divergence);
  }
  for (const Features& a : features_) {
    for (const Features& b : features_) covariance.push_back(Covariance(a, b));
  }
  const std::vector<double> sampling = SamplingCovariance(best);
  std::optional<Fit> likeliest = LikeliestFit(1, covariance, sampling, divergences);
  std::optional<Fit> with_unit = LikeliestFit(std::nullopt, covariance, sampling, divergences);
  if (with_unit.has_value() &&
      (!likeliest.has_value() ||
       with_unit->log_likelihood > likeliest->log_likelihood + kCostOfUnit)) {
    likeliest = std::move(with_unit);
  }
  if (!likeliest.has_value()) {  // nothing diverges, or nothing is a number
    features_.clear();
    likeliest = Fit{{1, prior_pair_weight_, 0, 0}, {}, {}, 0};
  }
  fit_ = *std::move(likeliest);
  SetMean(fit_);
}

// The mean is linear in what the prior is linear in: the trials' covariances, spelled out column by
// column.
void LossModel::SetMean(const Fit& fit) {
  const double variance = fit.scales.Variance();
  pair_weight_ = fit.scales.unit * fit.scales.pair_weight;
  double all = 0;
  for (size_t i = 0; i < features_.size(); ++i) {
    all += variance * kAll * fit.weights[i] * features_[i].losses;
    pair_weight_ += variance * kPairs * fit.weights[i] * features_[i].pairs;
  }
  pair_weight_ = std::max(pair_weight_, 0.0);
  for (size_t pair = 0; pair < measured_factors_.size(); ++pair) {
    double factor = fit.scales.unit;
    for (size_t i = 0; i < features_.size(); ++i) {
      factor += variance * kMeasured * fit.weights[i] * features_[i].measured[pair];
    }
    measured_factors_[pair] = std::max(factor, fit.scales.unit * kLeastShare);
  }
  for (size_t column = 0; column < space_.columns(); ++column) {
    const size_t v = space_.VariableOf(column);
    double own = 0;
    for (size_t i = 0; i < features_.size(); ++i) {
      const size_t tried = space_.ColumnOf(v, features_[i].selection[v]);
      double shared = kVariable;
      if (formats_[tried].first == formats_[column].first) shared += kWeights;
      if (formats_[tried].second == formats_[column].second) shared += kActivations;
      if (tried == column) shared += kChoice;
      own += variance * shared * fit.weights[i] * spreads_[tried];
    }
    const double prior = fit.scales.unit * prior_losses_[column];
    losses_[column] =
        std::max(prior + prior_losses_[column] * all + spreads_[column] * own, prior * kLeastShare);
  }
}

double LossModel::Predict(const Selection& selection) const {
  double sum = pair_weight_ * pairs_.Sum(space_, selection);
  for (size_t v = 0; v < space_.variables(); ++v) {
    sum += losses_[space_.ColumnOf(v, selection[v])];
  }
  for (size_t i = 0; i < measured_factors_.size(); ++i) {
    sum += measured_factors_[i] * measured_->Of(measured_->pairs()[i], selection);
  }
  return sum;
}

double LossModel::StandardError(const Selection& selection) const {
  if (features_.empty()) return 0;
  const Features features = FeaturesOf(selection);
  const double variance = fit_.scales.Variance();
  std::vector<double> covariances;
  for (const Features& trial : features_) {
    covariances.push_back(variance * Covariance(features, trial));
  }
  SolveLower(fit_.factor, covariances);
  double left = variance * Covariance(features, features);
  for (const double value : covariances) left -= value * value;
  return std::sqrt(std::max(left, 0.0));
}

}  // namespace halftone
