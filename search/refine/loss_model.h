#ifndef HALFTONE_SEARCH_REFINE_LOSS_MODEL_H_
#define HALFTONE_SEARCH_REFINE_LOSS_MODEL_H_

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "search/refine/choice_space.h"
#include "search/refine/correction_table.h"
#include "search/solver/compact.h"

namespace halftone {

// An assignment and the divergence that it was measured to do, or a score in its place, with the
// parts that its sampling error shows in (see Score; empty: none, or unknown).
struct Trial {
  Selection selection;
  double divergence = 0;
  std::vector<double> parts;
  double measured = 0;  // the divergence itself, where a score is in its place
};

// Predicts what an assignment does,
//   f(z) = sum_v e[z_v] + w * (losses of the chosen pairs) + (what was measured of pairs),
// at first with the estimator's losses e and a weight w, then with what trials taught: a Gaussian
// process (Rasmussen & Williams 2006, equations 2.25, 2.26, 2.30) whose functions are of that form
// again, so that its mean is searched as the estimator itself. The losses may be in another unit
// than what trials measure (scores that only rank): one factor brings them to it, where the
// likelihood of the trials speaks for it. A priori the losses of all choices, of a variable, of one
// format of its weights or activations, and of one choice alone may each be wrong by a factor; how
// much, the likelihood says. A variable without any losses, of which the estimator says nothing,
// may do what choices of the same names do elsewhere. What trials measure has the
// sampling error of their data, whose covariance between trials their parts give: it is noise, so
// that what is due to the few samples at hand is not learned.
class LossModel {
 public:
  // `losses`: of each column. Borrows the space, the pairs and what was measured of some of these.
  LossModel(const ChoiceSpace& space, const PairLosses& pairs, std::vector<double> losses,
            double pair_weight, const CorrectionTable* measured = nullptr);

  // Forgets earlier trials. The best ones are learned from where there are more than kMaxTrials.
  void Learn(absl::Span<const Trial> trials);
  static constexpr size_t kMaxTrials = 192;

  double Predict(const Selection& selection) const;
  // Of the prediction; 0 before the first trial.
  double StandardError(const Selection& selection) const;
  // e[column] and w.
  const std::vector<double>& losses() const { return losses_; }
  double pair_weight() const { return pair_weight_; }
  // What was measured of pairs, or nullptr; and what the model makes of each of its pairs: a
  // factor.
  const CorrectionTable* measured() const { return measured_; }
  const std::vector<double>& measured_factors() const { return measured_factors_; }

 private:
  // What a selection is to the process.
  struct Features {
    Selection selection;
    double losses = 0, pairs = 0;  // sums of the prior's
    std::vector<double> measured;  // of each measured pair
    double sum_of_measured = 0;
    double LossWith(double pair_weight) const {
      return losses + pair_weight * pairs + sum_of_measured;
    }
  };
  struct Scales {
    double unit = 1;         // of what is measured, in that of the prior
    double pair_weight = 1;  // of the prior's mean
    double deviation = 0;    // of the prior's losses, relative
    double noise = 0;        // of what the form cannot express, relative to the divergence
    double Variance() const { return unit * unit * deviation * deviation; }
  };
  // What the trials say of one set of scales.
  struct Fit {
    Scales scales;
    std::vector<double> factor;   // Cholesky, lower, of the trials' covariance with noise
    std::vector<double> weights;  // of the trials' covariances in the mean
    double log_likelihood = 0;    // without the constant
  };

  std::vector<double> SpreadsOfColumns() const;
  // The median of what trials measured over what the prior says; 1 where it says nothing.
  double FittedUnit(absl::Span<const double> divergences, double pair_weight) const;
  Features FeaturesOf(const Selection& selection) const;
  double Covariance(const Features& a, const Features& b) const;
  // Nothing where the covariance with noise is not positive definite.
  std::optional<Fit> FitTrials(const Scales& scales, absl::Span<const double> covariance,
                               absl::Span<const double> sampling,
                               absl::Span<const double> divergences) const;
  // The likeliest fit with that unit, which is sought where none is given.
  std::optional<Fit> LikeliestFit(std::optional<double> unit, absl::Span<const double> covariance,
                                  absl::Span<const double> sampling,
                                  absl::Span<const double> divergences) const;
  void SetMean(const Fit& fit);

  const ChoiceSpace& space_;
  const PairLosses& pairs_;
  const std::vector<double> prior_losses_;
  const double prior_pair_weight_;
  const CorrectionTable* const measured_;
  // By how much each loss may be wrong, in units of the deviation: the loss itself, or where its
  // variable has none what choices of that name have elsewhere.
  const std::vector<double> spreads_;
  // Of a column's format of weights and of activations, numbers that are equal where they are.
  std::vector<std::pair<int, int>> formats_;

  std::vector<double> losses_;
  double pair_weight_;
  std::vector<double> measured_factors_;
  std::vector<Features> features_;
  Fit fit_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_LOSS_MODEL_H_
