#ifndef HALFTONE_CLIENT_SENSITIVITY_METHODS_H_
#define HALFTONE_CLIENT_SENSITIVITY_METHODS_H_

#include <map>
#include <string>
#include <vector>

#include "halftone/v1/types.pb.h"

namespace halftone {

// The estimators by the names that `--method` takes.
const std::map<std::string, v1::SensitivityMethod>& SensitivityMethods();
std::vector<std::string> SensitivityMethodNames();
// "" for the default, whatever that is.
std::string SensitivityMethodText(v1::SensitivityMethod method);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_SENSITIVITY_METHODS_H_
