#ifndef HALFTONE_CLIENT_HEADS_TEXT_H_
#define HALFTONE_CLIENT_HEADS_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// As what each of a document's `heads` counts and why, a line for each, and what its evaluation
// found of one, where there are several.
std::string HeadsText(const nlohmann::json& document);

// "KL 0.012, ", or nothing where no output of the document counts as classes or labels.
std::string KlText(const nlohmann::json& document, double kl);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_HEADS_TEXT_H_
