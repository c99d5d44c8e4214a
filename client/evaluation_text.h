#ifndef HALFTONE_CLIENT_EVALUATION_TEXT_H_
#define HALFTONE_CLIENT_EVALUATION_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// The document of `evaluate` for people.
std::string EvaluationText(const nlohmann::json& document);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_EVALUATION_TEXT_H_
