#ifndef HALFTONE_CLIENT_ACCELERATOR_TEXT_H_
#define HALFTONE_CLIENT_ACCELERATOR_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// The layers of a profile whose target tells what bounds them: cycles, share of the peak,
// operations per byte, what bounds, energy and its parts.
std::string AcceleratorTable(const nlohmann::json& layers);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_ACCELERATOR_TEXT_H_
