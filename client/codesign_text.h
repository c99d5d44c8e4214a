#ifndef HALFTONE_CLIENT_CODESIGN_TEXT_H_
#define HALFTONE_CLIENT_CODESIGN_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// The configurations that a search over a design space solved, from its result's "codesign".
std::string CodesignText(const nlohmann::json& codesign);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_CODESIGN_TEXT_H_
