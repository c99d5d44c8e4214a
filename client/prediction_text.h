#ifndef HALFTONE_CLIENT_PREDICTION_TEXT_H_
#define HALFTONE_CLIENT_PREDICTION_TEXT_H_

#include <string>

#include "nlohmann/json_fwd.hpp"

namespace halftone {

// How far the model's word is to be trusted, of a result's document: what it predicts of the answer
// and what was measured, and what evaluations found that it had left out. "" where that is not
// known, as of results of earlier versions.
std::string AnswerPredictionText(const nlohmann::json& document);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_PREDICTION_TEXT_H_
