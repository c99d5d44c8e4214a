#ifndef HALFTONE_CLIENT_SPEC_TEXT_H_
#define HALFTONE_CLIENT_SPEC_TEXT_H_

#include <string>

#include "halftone/v1/job.pb.h"
#include "nlohmann/json.hpp"

namespace halftone {

// What a job was asked for beside its model, target and budgets: what differs from the defaults.
// Empty where the job's view leaves it out.
nlohmann::json SpecToJson(const v1::Job& job);
// A line each: "samples  64".
std::string SpecText(const v1::Job& job);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_SPEC_TEXT_H_
