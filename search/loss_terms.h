#ifndef HALFTONE_SEARCH_LOSS_TERMS_H_
#define HALFTONE_SEARCH_LOSS_TERMS_H_

#include <string>

#include "search/search_spec.h"
#include "search/sensitivity/sensitivity.h"

// What a search makes of the losses that its estimator measured.
namespace halftone {

// Of a choice whose loss has its factors already (ScaleLosses): its mean plus `robust` of its
// standard errors, as far as these are known. Never negative: see NegativeWarning.
double CountedLoss(const ChoiceLoss& choice, double robust);

// What the losses then are: the estimator's measure, with what is added and multiplied named.
LossMeasure CountedMeasure(const SensitivityResult& sensitivity, const SearchSpec& spec);

// Why a search evaluates nothing, as the end of "nothing was evaluated: "; "" where it does.
std::string WhyNotEvaluated(const SearchSpec& spec);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_LOSS_TERMS_H_
