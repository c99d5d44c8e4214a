#include "client/sensitivity_methods.h"

namespace halftone {

const std::map<std::string, v1::SensitivityMethod>& SensitivityMethods() {
  static const auto* methods = new std::map<std::string, v1::SensitivityMethod>{
      {"fisher", v1::SENSITIVITY_METHOD_FISHER},
      {"fisher-corrected", v1::SENSITIVITY_METHOD_FISHER_CORRECTED},
      {"hessian-trace", v1::SENSITIVITY_METHOD_HESSIAN_TRACE},
      {"hessian-trace-exact", v1::SENSITIVITY_METHOD_HESSIAN_TRACE_EXACT},
      {"hessian-eigenvalue", v1::SENSITIVITY_METHOD_HESSIAN_EIGENVALUE},
      {"hessian-form", v1::SENSITIVITY_METHOD_HESSIAN_FORM},
      {"hawq-v1", v1::SENSITIVITY_METHOD_HAWQ_V1},
      {"hawq-v2", v1::SENSITIVITY_METHOD_HAWQ_V2},
      {"hawq-v3", v1::SENSITIVITY_METHOD_HAWQ_V3},
      {"output", v1::SENSITIVITY_METHOD_OUTPUT},
      {"sqnr", v1::SENSITIVITY_METHOD_SQNR},
      {"fisher-elementwise", v1::SENSITIVITY_METHOD_FISHER_ELEMENTWISE}};
  return *methods;
}

std::vector<std::string> SensitivityMethodNames() {
  std::vector<std::string> names;
  for (const auto& [name, value] : SensitivityMethods()) names.push_back(name);
  return names;
}

std::string SensitivityMethodText(v1::SensitivityMethod method) {
  for (const auto& [name, value] : SensitivityMethods()) {
    if (value == method) return name;
  }
  return "";
}

}  // namespace halftone
