#ifndef HALFTONE_TESTS_NN_QUANT_REFERENCE_H_
#define HALFTONE_TESTS_NN_QUANT_REFERENCE_H_

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "nn/quant/uniform.h"

namespace halftone {

// What make_reference.py computed with numpy and torch.
inline const nlohmann::json& QuantReference() {
  static const nlohmann::json reference = nlohmann::json::parse(
      std::ifstream(std::string(HALFTONE_SOURCE_DIR) + "/tests/nn/quant/reference.json"));
  return reference;
}

inline Symmetry SymmetryNamed(const std::string& name) {
  if (name == "asymmetric") return Symmetry::kAsymmetric;
  return name == "full" ? Symmetry::kSymmetricFull : Symmetry::kSymmetricRestricted;
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_QUANT_REFERENCE_H_
